'use strict';
// What an SMSC has for its customer: receipts and replies, kept until answered with 0, given again after an error or a lost
// connection, as real ones do.
const { smpp, describe, say } = require('./wire');

const DELIVERED = ['DELIVRD', smpp.MESSAGE_STATE.DELIVERED, 0];
const ENROUTE = ['ENROUTE', smpp.MESSAGE_STATE.ENROUTE, 0];

const pad = (value, size) => String(value).padStart(size, '0');

function stamp(time) {
  const parts = [time.getUTCFullYear() % 100, time.getUTCMonth() + 1, time.getUTCDate(), time.getUTCHours(), time.getUTCMinutes()];
  return parts.map((part) => pad(part, 2)).join('');
}

class Deliveries {
  constructor(set, counts, sessions) {
    Object.assign(this, { set, counts, sessions, waiting: [], held: [] });
  }

  // The receipts of one message, as its registered_delivery asks for them.
  receipt(pdu, id, state) {
    const asked = pdu.registered_delivery & 3;
    const [word] = state || DELIVERED;
    if (this.set.receipts === 'none' || !asked || (asked === 2 && word === 'DELIVRD')) return;
    const ready = [];
    if (this.set.intermediate) ready.push(this._make(pdu, id, ENROUTE, smpp.ESM_CLASS.INTERMEDIATE_DELIVERY));
    for (let n = 0; n < this.set.receipt_times; n += 1) {
      ready.push(this._make(pdu, id, state || DELIVERED, smpp.ESM_CLASS.MC_DELIVERY_RECEIPT));
    }
    this.counts.receipts += ready.length;
    if (this.set.receipt_before_resp) this._send(ready);
    else if (this.set.receipt_delay_ms) setTimeout(() => this._order(ready), this.set.receipt_delay_ms);
    else setImmediate(() => this._order(ready));
  }

  put(command, fields) {
    this._send([{ command, fields }]);
  }

  // To every session that can receive, in turns.
  flush() {
    const open = [...this.sessions].filter((each) => each.bound && each.bound !== 'bind_transmitter' && each.socket.writable);
    if (!open.length) return;
    const ready = this.waiting.splice(0);
    ready.forEach((each, at) => this._give(open[at % open.length], each));
  }

  // What a lost session did not answer waits for the next one.
  takeBack(session) {
    this.waiting.unshift(...session.open.values());
    session.open.clear();
    this.flush();
  }

  _order(ready) {
    if (this.set.receipt_order !== 'reversed') {
      this._send(ready);
      return;
    }
    this.held.unshift(...ready);
    if (this.held.length >= this.set.receipt_batch) this._send(this.held.splice(0));
  }

  _send(ready) {
    this.waiting.push(...ready);
    this.flush();
  }

  _give(session, delivery) {
    session.open.set(delivery, delivery);
    const given = { ...delivery.fields };
    session[delivery.command](given, (answer) => {
      session.open.delete(delivery);
      if (!this.set.quiet) say('answered', { status: answer.command_status, to: delivery.fields.destination_addr, id: delivery.id });
      if (answer.command_status) setTimeout(() => this._send([delivery]), this.set.redeliver_ms);
      else this.counts.acked += 1;
    });
  }

  _make(pdu, id, [word, state, error], esmClass) {
    const fields = {
      source_addr_ton: pdu.dest_addr_ton, source_addr_npi: pdu.dest_addr_npi, source_addr: pdu.destination_addr,
      dest_addr_ton: pdu.source_addr_ton, dest_addr_npi: pdu.source_addr_npi, destination_addr: pdu.source_addr,
      esm_class: esmClass, data_coding: 0,
    };
    const now = stamp(new Date());
    const read = this.set.quiet ? '' : (describe(pdu).text || '').replace(/[^\x20-\x7e]/g, '?');
    const text =
      `id:${id} sub:001 dlvrd:${state === 2 ? '001' : '000'} submit date:${now} done date:${now} ` +
      `stat:${word} err:${pad(error, 3)} text:${read.slice(0, 20)}`;
    const byData = this.set.receipt_by === 'data_sm';
    if (this.set.receipts !== 'tlv') fields[byData ? 'message_payload' : 'short_message'] = Buffer.from(text, 'latin1');
    if (this.set.receipts !== 'text') {
      Object.assign(fields, { receipted_message_id: id, message_state: state });
      fields.network_error_code = Buffer.from([3, error >> 8, error & 255]);
    }
    return { command: this.set.receipt_by, fields, id };
  }
}

module.exports = { Deliveries };
