import { expect } from 'chai';
import { Mailbox } from '../src/core/mailbox.js';
import { errors, isSojournError } from '../src/types/errors.js';

/** A promise and its resolver. */
function gate() {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** For each client as for all. */
const limits = (length: number) => ({ queue_length: length, client_queue_length: length });

describe('mailbox', () => {
  it('runs writes one at a time in the order they came', async () => {
    const mailbox = new Mailbox(limits(10));
    const first = gate();
    const order: string[] = [];
    const one = mailbox.write('a', async () => {
      order.push('one begins');
      await first.promise;
      order.push('one ends');
    });
    const two = mailbox.write('a', () => Promise.resolve(order.push('two')));
    first.open();
    await Promise.all([one, two]);
    expect(order).to.deep.equal(['one begins', 'one ends', 'two']);
  });

  it('goes on after a write that fails', async () => {
    const mailbox = new Mailbox(limits(10));
    const failed = mailbox.write('a', () => Promise.reject(new Error('no'))).catch((error: unknown) => error);
    const after = mailbox.write('a', () => Promise.resolve('yes'));
    expect(await failed).to.be.instanceOf(Error);
    expect(await after).to.equal('yes');
  });

  it('refuses a write when too many wait, and never the work of the house', async () => {
    const mailbox = new Mailbox(limits(1));
    const held = gate();
    const running = mailbox.write('a', () => held.promise);
    const waiting = mailbox.write('a', () => Promise.resolve());
    const refused = await mailbox.write('a', () => Promise.resolve()).catch((error: unknown) => error);
    expect(isSojournError(refused, 'session_busy')).to.equal(true);
    const house = mailbox.exclusive(() => Promise.resolve('done'));
    held.open();
    await Promise.all([running, waiting]);
    expect(await house).to.equal('done');
  });

  it('lets urgent work of the house go before what waits', async () => {
    const mailbox = new Mailbox(limits(10));
    const held = gate();
    const order: string[] = [];
    const all = [
      mailbox.write('a', () => held.promise),
      mailbox.write('a', () => Promise.resolve(order.push('write'))),
      mailbox.exclusive(() => Promise.resolve(order.push('house')), { first: true }),
    ];
    held.open();
    await Promise.all(all);
    expect(order).to.deep.equal(['house', 'write']);
  });

  it('lets what runs end when it is closed, and refuses the rest with the reason', async () => {
    const mailbox = new Mailbox(limits(10));
    const held = gate();
    const running = mailbox.write('a', () => held.promise.then(() => 'ended'));
    const waiting = mailbox.write('a', () => Promise.resolve()).catch((error: unknown) => error);
    mailbox.close(errors.sessionNotFound('gone'));
    held.open();
    expect(await running).to.equal('ended');
    expect(isSojournError(await waiting, 'session_not_found')).to.equal(true);
    const late = await mailbox.write('a', () => Promise.resolve()).catch((error: unknown) => error);
    expect(isSojournError(late, 'session_not_found')).to.equal(true);
  });

  it('is busy while a write runs or waits, and not with work of the house', async () => {
    const mailbox = new Mailbox(limits(10));
    const held = gate();
    const house = mailbox.exclusive(() => held.promise);
    expect([mailbox.busy, mailbox.idle]).to.deep.equal([false, false]);
    const write = mailbox.write('a', () => Promise.resolve());
    expect([mailbox.busy, mailbox.length]).to.deep.equal([true, 1]);
    held.open();
    await Promise.all([house, write]);
    expect([mailbox.busy, mailbox.idle]).to.deep.equal([false, true]);
  });

  it('serves clients in turn, and each in its own order', async () => {
    const mailbox = new Mailbox(limits(10));
    const held = gate();
    const order: string[] = [];
    const note = (name: string) => () => Promise.resolve(order.push(name));
    const all = [
      mailbox.write('flood', () => held.promise),
      ...['f1', 'f2', 'f3', 'f4'].map((name) => mailbox.write('flood', note(name))),
      ...['a1', 'a2'].map((name) => mailbox.write('a', note(name))),
      mailbox.write('b', note('b1')),
    ];
    held.open();
    await Promise.all(all);
    expect(order).to.deep.equal(['f1', 'a1', 'b1', 'f2', 'a2', 'f3', 'f4']);
  });

  it('lets a client that comes late wait for one write of each other one', async () => {
    const mailbox = new Mailbox(limits(1000));
    const held = gate();
    const order: string[] = [];
    const flood = Array.from({ length: 500 }, () => mailbox.write('flood', () => held.promise));
    const late = mailbox.write('late', () => Promise.resolve(order.push('late')));
    const after = flood.map((write) => write.then(() => order.push('flood')));
    held.open();
    await late;
    expect(order.length).to.be.at.most(3);
    await Promise.all(after);
  });

  it('runs work of the house after all that came before it, and keeps later clients from nothing', async () => {
    const mailbox = new Mailbox(limits(10));
    const held = gate();
    const order: string[] = [];
    const note = (name: string) => () => Promise.resolve(order.push(name));
    const all = [
      mailbox.write('a', () => held.promise),
      mailbox.write('a', note('a1')),
      mailbox.write('a', note('a2')),
      mailbox.exclusive(note('house')),
      mailbox.write('b', note('b1')),
      mailbox.write('a', note('a3')),
    ];
    held.open();
    await Promise.all(all);
    expect(order).to.deep.equal(['a1', 'b1', 'a2', 'house', 'a3']);
  });

  it('refuses one client when too many of its writes wait, and takes those of others', async () => {
    const mailbox = new Mailbox({ queue_length: 3, client_queue_length: 2 });
    const held = gate();
    const write = (client: string) => mailbox.write(client, () => held.promise);
    const settingOf = (refused: unknown) =>
      isSojournError(refused, 'session_busy') ? refused.fields.setting : 'none';
    const taken = [write('a'), write('a'), write('a')];
    expect(settingOf(await write('a').catch((error: unknown) => error))).to.equal(
      'limits.client_queue_length',
    );
    taken.push(write('b'));
    expect(settingOf(await write('b').catch((error: unknown) => error))).to.equal('limits.queue_length');
    held.open();
    await Promise.all(taken);
  });
});
