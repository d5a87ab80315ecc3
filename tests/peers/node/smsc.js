'use strict';
// An SMSC on node-smpp: `node smsc.js '{"port": 0, ...}'`. Its options, all changeable while it runs by {"do": "set"}:
const DEFAULTS = {
  port: 0,
  system_id: 'tester',
  password: 'secret',
  quiet: false, // no line for each PDU: for rates
  ids: 'decimal', // hex; hex-in-resp: hex in submit_sm_resp, decimal in the receipt
  receipts: 'text', // tlv, both, none
  receipt_by: 'deliver_sm', // data_sm
  receipt_delay_ms: 0,
  receipt_order: 'asked', // reversed: those of receipt_batch messages are held and leave last first
  receipt_batch: 10,
  receipt_times: 1,
  receipt_before_resp: false,
  intermediate: false, // an ENROUTE notification before the receipt
  redeliver_ms: 200, // when what was answered with an error comes again
  throttle_every: 0, // the n-th submit is answered 0x58
  queue_full_every: 0, // ... 0x14
  hang_every: 0, // ... not at all, nor taken
  drop_every: 0, // ... by closing the connection, not taken
  drop_mid_pdu_every: 0, // ... by half a response, then closing: taken
  errors: {}, // last digits of a number: command_status
  states: {}, // last digits of a number: [word, message_state, error code]
  tls_key: '', // with tls_cert: paths of PEM files; only at the start
  tls_cert: '',
  split_octets: 0, // writes of at most so many octets, a turn of the loop apart
};
const fs = require('fs');
const { smpp, describe, fieldsOf, say, obey, join, options } = require('./wire');
const { Deliveries } = require('./deliveries');

const set = { ...DEFAULTS, ...options };
const counts = { submits: 0, taken: 0, receipts: 0, acked: 0, refused: 0, last_at_ms: 0 };
const sessions = new Set();
const deliveries = new Deliveries(set, counts, sessions);

function byEnding(table, number) {
  const found = Object.keys(table).find((ending) => number.endsWith(ending));
  return found === undefined ? undefined : table[found];
}

const isNth = (every) => every > 0 && counts.submits % every === 0;

function judge(pdu) {
  if (isNth(set.throttle_every)) return smpp.ESME_RTHROTTLED;
  if (isNth(set.queue_full_every)) return smpp.ESME_RMSGQFUL;
  return byEnding(set.errors, pdu.destination_addr) || 0;
}

function take(session, pdu) {
  counts.submits += 1;
  counts.last_at_ms = Date.now();
  const lost = isNth(set.hang_every) || isNth(set.drop_every);
  const status = lost ? 0 : judge(pdu);
  if (!set.quiet) say('submit', { ...describe(pdu), status: lost ? null : status });
  if (isNth(set.drop_every)) session.destroy();
  if (lost) return;
  if (status) {
    counts.refused += 1;
    session.send(pdu.response({ command_status: status }));
    return;
  }
  counts.taken += 1;
  const id = counts.taken + 1e6;
  const shown = set.ids === 'decimal' ? id.toString() : id.toString(16).toUpperCase();
  const receipted = set.ids === 'hex' ? shown : id.toString();
  if (!set.quiet) say('taken', { message_id: shown, receipted, destination_addr: pdu.destination_addr });
  const steps = [
    () => answer(session, pdu.response({ message_id: shown })),
    () => deliveries.receipt(pdu, receipted, byEnding(set.states, pdu.destination_addr)),
  ];
  (set.receipt_before_resp ? steps.reverse() : steps).forEach((step) => step());
}

function answer(session, response) {
  if (!isNth(set.drop_mid_pdu_every)) {
    session.send(response);
    return;
  }
  const octets = response.toBuffer();
  session.socket.write(octets.slice(0, octets.length >> 1), () => session.destroy());
}

// Every write in pieces: a reader must put PDUs together again.
function split(socket) {
  const write = socket.write.bind(socket);
  const waiting = [];
  const next = () => {
    if (!waiting.length || socket.destroyed) return;
    const { piece, done } = waiting.shift();
    write(piece, done);
    if (waiting.length) setImmediate(next);
  };
  socket.write = (octets, done) => {
    const size = set.split_octets;
    if (!size && !waiting.length) return write(octets, done);
    const idle = !waiting.length;
    for (let at = 0; at < octets.length; at += size || octets.length) {
      const end = Math.min(octets.length, at + (size || octets.length));
      waiting.push({ piece: octets.slice(at, end), done: end === octets.length ? done : undefined });
    }
    if (idle) setImmediate(next);
    return true;
  };
}

function bind(session, pdu) {
  const known = pdu.system_id === set.system_id && pdu.password === set.password;
  const status = known ? 0 : smpp.ESME_RINVPASWD;
  const { command, system_id, system_type, interface_version, address_range } = pdu;
  say('bind', { command, system_id, system_type, interface_version, address_range, status });
  session.send(pdu.response(status ? { command_status: status } : { system_id: 'node-smpp' }));
  if (!known) return;
  session.bound = command;
  if (command !== 'bind_transmitter') deliveries.flush();
}

const read = (path) => path && fs.readFileSync(path);
const server = smpp.createServer({ key: read(set.tls_key), cert: read(set.tls_cert) }, (session) => {
  const cork = join(session.socket);
  sessions.add(session);
  session.open = new Map();
  session.socket.setNoDelay(true);
  split(session.socket);
  session.on('pdu', () => set.split_octets || cork());
  for (const command of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(command, (pdu) => bind(session, pdu));
  }
  const asBound = (act) => (pdu) =>
    session.bound ? act(pdu) : session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
  session.on('submit_sm', asBound((pdu) => take(session, pdu)));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => session.send(pdu.response(), () => session.close()));
  session.on('unknown', (pdu) => session.send(pdu.response()));
  session.on('generic_nack', (pdu) => say('nack', { status: pdu.command_status }));
  session.on('error', (error) => say('error', { text: String(error) }));
  session.on('close', () => {
    sessions.delete(session);
    deliveries.takeBack(session);
    say('closed', { bound: session.bound || null });
  });
});
server.on('error', (error) => {
  say('error', { text: String(error) });
  process.exit(1);
});
server.listen(set.port, '127.0.0.1', () => say('listening', { port: server.address().port }));

obey({
  set: (changes) => {
    Object.assign(set, changes);
    say('set', {});
  },
  count: () => say('counts', { ...counts, waiting: deliveries.waiting.length, bound: [...sessions].map((s) => s.bound) }),
  deliver: ({ command, ...fields }) => deliveries.put(command || 'deliver_sm', fieldsOf(fields)),
  drop: () => sessions.forEach((session) => session.destroy()),
  unbind: () => sessions.forEach((session) => session.unbind()),
  write: ({ hex }) => sessions.forEach((session) => session.socket.write(Buffer.from(hex, 'hex'))),
});
