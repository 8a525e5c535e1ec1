/** Rules of the engine contract: live state, captured state, restored state. */
import assert from 'node:assert/strict';
import { failsWith, Parts, sourceOf } from './engine-kit.js';
import type { EngineKit, EngineRule, Subject } from './engine-kit.js';

const shows = async (kit: EngineKit, subject: Subject, state: 'fresh' | 'one' | 'two') =>
  assert.equal(await subject.take(kit.sample.show), kit.sample.shown[state]);

async function inStateOne(kit: EngineKit): Promise<Subject> {
  const subject = await kit.create();
  await subject.take(kit.sample.change);
  return subject;
}

export const stateRules: readonly EngineRule[] = [
  {
    title: 'state stays from one run to the next',
    async check(kit) {
      const subject = await inStateOne(kit);
      await shows(kit, subject, 'one');
      await subject.take(kit.sample.changeAgain);
      await shows(kit, subject, 'two');
    },
  },
  {
    title: 'two engines share nothing',
    async check(kit) {
      const other = await kit.create();
      await inStateOne(kit);
      await shows(kit, other, 'fresh');
    },
  },
  {
    title: 'clear removes the state and keeps the engine usable',
    appliesTo: ({ definition }) => definition.capabilities.clear === true,
    async check(kit) {
      const subject = await inStateOne(kit);
      await subject.engine.clear?.();
      await shows(kit, subject, 'fresh');
      await subject.take(kit.sample.change);
      await shows(kit, subject, 'one');
    },
  },
  {
    title: 'a captured state comes back in a fresh engine',
    async check(kit) {
      const saved = await (await inStateOne(kit)).save();
      assert.deepEqual(saved.content.not_kept ?? [], []);
      await shows(kit, await kit.restored(saved), 'one');
    },
  },
  {
    title: 'a restored state goes on like the one that was captured',
    async check(kit) {
      const restored = await kit.restored(await (await inStateOne(kit)).save());
      await restored.take(kit.sample.changeAgain);
      await shows(kit, restored, 'two');
    },
  },
  {
    title: 'a capture is of the moment when it was taken',
    async check(kit) {
      const subject = await inStateOne(kit);
      const capture = await subject.engine.capture();
      await subject.take(kit.sample.changeAgain);
      const parts = new Parts();
      const content = await capture.write(parts);
      await capture.dispose();
      await shows(kit, await kit.restored({ content, parts }), 'one');
    },
  },
  {
    title: 'a frozen state is woken as it was captured, and goes on',
    async check(kit) {
      const subject = await inStateOne(kit);
      const state = await subject.freeze();
      if (!state) return;
      await subject.take(kit.sample.changeAgain);
      await subject.engine.dispose();
      const woken = await kit.woken(state, subject);
      await shows(kit, woken, 'one');
      await woken.take(kit.sample.changeAgain);
      await shows(kit, woken, 'two');
      await failsWith('closed', () => kit.woken(state, subject));
    },
  },
  {
    title: 'a frozen state that is disposed, however often, is gone',
    async check(kit) {
      const subject = await inStateOne(kit);
      const state = await subject.freeze();
      if (!state) return;
      await state.dispose();
      await state.dispose();
      await state.gone;
      await failsWith('closed', () => kit.woken(state, subject));
    },
  },
  {
    title: 'capturing leaves the state as it is',
    async check(kit) {
      const subject = await inStateOne(kit);
      await subject.save();
      await shows(kit, subject, 'one');
    },
  },
  {
    title: 'an unchanged state has the same parts',
    async check(kit) {
      const subject = await inStateOne(kit);
      const hashes = ({ parts }: { parts: Parts }) => parts.stored.map(({ name, hash }) => [name, hash]);
      const known = new Map<string, Uint8Array>();
      assert.deepEqual(hashes(await subject.save(known)), hashes(await subject.save(known)));
    },
  },
  {
    title: 'a checkpoint is complete although its parts were stored before',
    async check(kit) {
      const subject = await inStateOne(kit);
      const known = new Map<string, Uint8Array>();
      await subject.save(known);
      await shows(kit, await kit.restored(await subject.save(known)), 'one');
    },
  },
  {
    title: 'the manifest survives JSON unchanged',
    async check(kit) {
      const saved = await (await inStateOne(kit)).save();
      assert.deepEqual(sourceOf(saved).manifest, saved.content.manifest);
    },
  },
  {
    title: 'an empty manifest restores to a fresh state',
    async check(kit) {
      const subject = await kit.create();
      const read = () => Promise.reject(new Error('there are no parts'));
      assert.deepEqual((await subject.engine.restore({ manifest: {}, parts: [], read })).not_kept, []);
      await shows(kit, subject, 'fresh');
    },
  },
  {
    title: 'a capture may be disposed unwritten, and twice',
    async check(kit) {
      const subject = await inStateOne(kit);
      const capture = await subject.engine.capture();
      await capture.dispose();
      await capture.dispose();
      await shows(kit, subject, 'one');
    },
  },
  {
    title: 'an engine may be disposed twice and does not call that a death',
    async check(kit) {
      const subject = await inStateOne(kit);
      await subject.engine.dispose();
      await subject.engine.dispose();
      assert.deepEqual(subject.deaths, []);
    },
  },
  {
    title: 'a disposed engine rejects every method with closed',
    async check(kit) {
      const { engine } = await inStateOne(kit);
      await engine.dispose();
      const context = { signal: new AbortController().signal, inputSeq: 9, emit: () => undefined };
      const read = () => Promise.reject(new Error('there are no parts'));
      await failsWith('closed', () => engine.capture());
      await failsWith('closed', () => engine.restore({ manifest: {}, parts: [], read }));
      if (engine.execute)
        await failsWith('closed', () => engine.execute?.({ code: '', silent: true }, context));
      if (engine.clear) await failsWith('closed', () => engine.clear?.());
    },
  },
];
