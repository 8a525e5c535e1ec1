/** Rules of the store contract: parts, who shares them and when they go. */
import assert from 'node:assert/strict';
import { addSession, checkpoint, eventually, failsDamaged, putNamed } from './store-rules.js';
import type { StoreRule } from './store-rules.js';

const encode = (content: string): Uint8Array => new TextEncoder().encode(content);
const sha256 = async (bytes: Uint8Array): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))).toString('hex');

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes)
    yield bytes.subarray(offset, offset + pieceBytes);
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield encode('half');
  throw new Error('the sender went');
}

export const partRules: readonly StoreRule[] = [
  {
    title: 'a part comes back under the SHA-256 of its bytes',
    async check(store) {
      const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 256);
      const stored = await store.putPart(bytes);
      assert.deepEqual(stored, { hash: await sha256(bytes), size: 1000 });
      assert.deepEqual(Buffer.from(await store.getPart(stored.hash)), Buffer.from(bytes));
      assert.equal(store.hasPart(stored.hash), true);
    },
  },
  {
    title: 'a part may be empty',
    async check(store) {
      const { hash, size } = await store.putPart(new Uint8Array(0));
      assert.equal(size, 0);
      assert.equal((await store.getPart(hash)).length, 0);
    },
  },
  {
    title: 'a part sent in pieces is the same part',
    async check(store) {
      const bytes = encode('piece by piece '.repeat(100_000));
      const stored = await store.putPart(inPieces(bytes, 60_001));
      assert.deepEqual(stored, { hash: await sha256(bytes), size: bytes.length });
      assert.equal(await sha256(await store.getPart(stored.hash)), stored.hash);
      assert.deepEqual(await store.putPart(bytes), stored);
    },
  },
  {
    title: 'a part whose sending breaks off is not stored',
    async check(store) {
      await assert.rejects(store.putPart(breaking()), /the sender went/);
      assert.equal(store.hasPart(await sha256(encode('half'))), false);
    },
  },
  {
    title: 'a part that is not there is damage, not an answer',
    async check(store) {
      const hash = await sha256(encode('never stored'));
      assert.equal(store.hasPart(hash), false);
      await failsDamaged(store.getPart(hash));
    },
  },
  {
    title: 'a name that is no hash names no part',
    async check(store) {
      for (const name of ['', '..', '../../etc/passwd', 'AB'.repeat(32), `${'ab'.repeat(31)}/.`, '\0']) {
        assert.equal(store.hasPart(name), false);
        await failsDamaged(store.getPart(name));
      }
    },
  },
  {
    title: 'a part that was handed out can be changed without harm',
    async check(store) {
      const { hash } = await store.putPart(encode('original'));
      (await store.getPart(hash)).fill(0);
      assert.equal(await sha256(await store.getPart(hash)), hash);
    },
  },
  {
    title: 'a part goes with the last session that holds it',
    async check(store) {
      const [own, shared] = [await putNamed(store, 'a', 'own'), await putNamed(store, 'b', 'shared')];
      await addSession(store, 'one');
      await addSession(store, 'two');
      await store.addCheckpoint('one', checkpoint('c1', [own, shared]), {});
      await store.addCheckpoint('two', checkpoint('c1', [shared]), {});
      await store.deleteSession('one');
      await eventually(() => !store.hasPart(own.hash));
      assert.equal(store.hasPart(shared.hash), true);
      await store.deleteSession('two');
      await eventually(() => !store.hasPart(shared.hash));
    },
  },
  {
    title: 'a pinned part stays until the last pin is released',
    async check(store) {
      await addSession(store, 'one');
      const part = await putNamed(store, 'a', 'pinned');
      await store.addCheckpoint('one', checkpoint('c1', [part]), {});
      const [first, second] = [store.pinParts(), store.pinParts()];
      first.add(part.hash);
      second.add(part.hash);
      first.add(part.hash);
      await store.deleteSession('one');
      first.release();
      first.release();
      assert.equal(await sha256(await store.getPart(part.hash)), part.hash);
      second.release();
      await eventually(() => !store.hasPart(part.hash));
    },
  },
  {
    title: 'a part that is put with a pin is held by it',
    async check(store) {
      await addSession(store, 'one');
      const pin = store.pinParts();
      const { hash, size } = await store.putPart(encode('held'), pin);
      await store.addCheckpoint('one', checkpoint('c1', [{ name: 'a', hash, size }]), {});
      await store.deleteSession('one');
      assert.equal(store.hasPart(hash), true);
      pin.release();
      await eventually(() => !store.hasPart(hash));
    },
  },
  {
    title: 'a release leaves the parts of checkpoints alone',
    async check(store) {
      await addSession(store, 'one');
      const pin = store.pinParts();
      const { hash, size } = await store.putPart(encode('kept'), pin);
      await store.addCheckpoint('one', checkpoint('c1', [{ name: 'a', hash, size }]), {});
      pin.release();
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await sha256(await store.getPart(hash)), hash);
    },
  },
  {
    title: 'a part can be stored again after it went',
    async check(store) {
      await addSession(store, 'one');
      const part = await putNamed(store, 'a', 'again');
      await store.addCheckpoint('one', checkpoint('c1', [part]), {});
      const deleted = store.deleteSession('one');
      const pin = store.pinParts();
      const again = await store.putPart(encode('again'), pin);
      await deleted;
      assert.equal(await sha256(await store.getPart(again.hash)), part.hash);
      pin.release();
    },
  },
];
