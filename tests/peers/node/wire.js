'use strict';
// What the peers share: node-smpp without its reading of texts and times (so that a test sees the octets), a PDU as plain
// JSON, and the line protocol: one JSON object a line, commands on stdin, events on stdout.
const readline = require('readline');
const smpp = require('smpp');

const decodeMessage = smpp.filters.message.decode;
const asIs = (value) => value;

function keepOctets(places) {
  for (const place of Object.values(places)) {
    if (place.filter === smpp.filters.message || place.filter === smpp.filters.time) {
      place.filter = { encode: place.filter.encode, decode: asIs };
    }
  }
}
keepOctets(smpp.tlvs);
Object.values(smpp.commands).forEach((command) => keepOctets(command.params || {}));

// The TLVs of a PDU: those that node-smpp knows by name, others by number; octets as hex.
function tlvsOf(pdu) {
  const params = smpp.commands[pdu.command].params || {};
  const found = {};
  for (const [name, value] of Object.entries(pdu)) {
    if (name in params || !(name in smpp.tlvs || /^\d+$/.test(name))) continue;
    found[name] = Buffer.isBuffer(value) ? value.toString('hex') : value;
  }
  return found;
}

// A submit_sm, deliver_sm or data_sm as a test compares it. `hex`: the whole short_message or message_payload with its UDH;
// `udh`: that alone; `text`: as node-smpp decodes it, null where it cannot.
function describe(pdu) {
  const plain = {};
  for (const [name, value] of Object.entries(pdu)) {
    if (['string', 'number'].includes(typeof value) && !name.startsWith('command')) plain[name] = value;
  }
  const payload = pdu.message_payload && pdu.message_payload.length ? pdu.message_payload : pdu.short_message;
  const octets = payload || Buffer.alloc(0);
  const read = decodeMessage.call(pdu, octets, false);
  const tlvs = tlvsOf(pdu);
  Object.keys(tlvs).forEach((name) => delete plain[name]);
  return {
    ...plain,
    hex: octets.toString('hex'),
    udh: pdu.esm_class & 0x40 ? octets.slice(0, octets[0] + 1).toString('hex') : '',
    text: typeof read.message === 'string' ? read.message : null,
    tlvs,
  };
}

// The fields of a command as node-smpp takes them: `hex` is a ready short_message, `text` is encoded by node-smpp behind
// `udh` (hex), `tlvs` holds names or values; hex strings of octets where node-smpp wants octets.
function fieldsOf({ hex, text, udh, tlvs, ...plain }) {
  const fields = { ...plain };
  if (hex !== undefined) fields.short_message = Buffer.from(hex, 'hex');
  if (text !== undefined) fields.short_message = udh ? { udh: Buffer.from(udh, 'hex'), message: text } : text;
  for (const [name, value] of Object.entries(tlvs || {})) {
    const type = smpp.tlvs[name].type;
    fields[name] = type === smpp.types.tlv.buffer ? Buffer.from(value, 'hex') : value;
  }
  return fields;
}

function say(event, facts) {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

// Commands are `{"do": NAME, ...}`. The process ends with its stdin: no peer outlives its test.
function obey(commands) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { do: name, ...facts } = JSON.parse(line);
    commands[name](facts);
  });
  lines.on('close', () => process.exit(0));
}

// All PDUs that are written in one turn of the loop leave in one write.
function join(socket) {
  let corked = false;
  return () => {
    if (corked) return;
    corked = true;
    socket.cork();
    setImmediate(() => {
      corked = false;
      socket.uncork();
    });
  };
}

module.exports = { smpp, describe, fieldsOf, say, obey, join, options: JSON.parse(process.argv[2] || '{}') };
