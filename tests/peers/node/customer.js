'use strict';
// A customer on node-smpp: `node customer.js '{"port": N, "bind": "bind_transceiver", ...}'`. It binds, reports what it gets,
// and submits what it is told. With `tls_ca`, a path, over TLS.
const fs = require('fs');
const { smpp, describe, fieldsOf, say, obey, options } = require('./wire');

const set = { host: '127.0.0.1', system_id: 'tester', password: 'secret', bind: 'bind_transceiver', system_type: '', answer: 0, ...options };
const tls = set.tls_ca ? { tls: true, ca: fs.readFileSync(set.tls_ca) } : {};
const session = smpp.connect({ host: set.host, port: set.port, ...tls });

session.on(set.tls_ca ? 'secureConnect' : 'connect', () => {
  const { system_id, password, system_type } = set;
  session[set.bind]({ system_id, password, system_type, interface_version: 0x34 }, (pdu) =>
    say('bound', { status: pdu.command_status, system_id: pdu.system_id || '' }));
});
for (const command of ['deliver_sm', 'data_sm']) {
  session.on(command, (pdu) => {
    session.send(pdu.response({ command_status: set.answer }));
    say('delivered', { command, ...describe(pdu) });
  });
}
session.on('enquire_link', (pdu) => session.send(pdu.response()));
session.on('unbind', (pdu) => {
  say('unbind', {});
  session.send(pdu.response(), () => session.close());
});
session.on('error', (error) => say('error', { text: String(error) }));
session.on('close', () => say('closed', {}));

const answered = (asked) => (pdu) => say('answer', { asked, command: pdu.command, status: pdu.command_status, message_id: pdu.message_id || '' });

obey({
  set: (changes) => Object.assign(set, changes),
  submit: ({ asked, ...fields }) => session.submit_sm(fieldsOf(fields), answered(asked)),
  ask: ({ asked, command, ...fields }) => session[command](fieldsOf(fields), answered(asked)),
  unbind: () => session.unbind(() => session.close()),
  drop: () => session.destroy(),
});
