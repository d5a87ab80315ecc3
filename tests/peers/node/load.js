'use strict';
// How quick node-smpp is as a client: `node load.js '{"port": N, "count": 20000, "window": 50}'` submits so many, never more
// than the window open, and says how long that took. The clock runs from the first submit to the last answer.
const { smpp, say, join, options } = require('./wire');

const set = {
  host: '127.0.0.1', system_id: 'tester', password: 'secret', count: 1000, window: 50, source_addr: 'Tocsin',
  first: 6281230000000, registered_delivery: 0, text: 'x'.repeat(90), with_ids: false, ...options,
};
const session = smpp.connect({ host: set.host, port: set.port });
const cork = join(session.socket);
const statuses = {};
const ids = [];
let sent = 0;
let answered = 0;
let delivered = 0;
let began;

function submit() {
  const number = set.first + sent;
  sent += 1;
  cork();
  session.submit_sm({
    source_addr_ton: 5, source_addr: set.source_addr, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: String(number),
    registered_delivery: set.registered_delivery, data_coding: 0, short_message: set.text,
  }, take);
}

function take(pdu) {
  answered += 1;
  statuses[pdu.command_status] = (statuses[pdu.command_status] || 0) + 1;
  if (set.with_ids) ids.push(pdu.message_id || '');
  if (sent < set.count) submit();
  if (answered === set.count) finish();
}

function finish() {
  const took_s = Number(process.hrtime.bigint() - began) / 1e9;
  const { user, system } = process.cpuUsage();
  say('done', { count: answered, took_s, rate: answered / took_s, cpu_s: (user + system) / 1e6, delivered, statuses, ids });
  session.unbind(() => session.close());
}

session.on('connect', () => {
  session.bind_transceiver({ system_id: set.system_id, password: set.password, interface_version: 0x34 }, (pdu) => {
    say('bound', { status: pdu.command_status });
    began = process.hrtime.bigint();
    while (sent < Math.min(set.window, set.count)) submit();
  });
});
session.on('deliver_sm', (pdu) => {
  delivered += 1;
  session.send(pdu.response());
});
session.on('enquire_link', (pdu) => session.send(pdu.response()));
session.on('error', (error) => {
  say('error', { text: String(error) });
  process.exit(1);
});
