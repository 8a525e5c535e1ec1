/** Rules of the engine contract: moving between the versions of a state. */
import assert from 'node:assert/strict';
import type { IVersions } from '../types/engine.js';
import type { EngineFixture, EngineKit, EngineRule, Subject } from './engine-kit.js';

const hasVersions = ({ definition }: EngineFixture) => definition.capabilities.versions === true;

const shows = async (kit: EngineKit, subject: Subject, state: 'fresh' | 'one' | 'two') =>
  assert.equal(await subject.take(kit.sample.show), kit.sample.shown[state]);

function versionsOf({ engine }: Subject): IVersions {
  assert.ok(engine.versions, 'the engine declares versions and has none');
  return engine.versions;
}

async function inStateTwo(kit: EngineKit): Promise<{ subject: Subject; seqOne: number }> {
  const subject = await kit.create();
  await subject.take(kit.sample.change);
  const seqOne = subject.lastSeq;
  await subject.take(kit.sample.changeAgain);
  return { subject, seqOne };
}

export const versionRules: readonly EngineRule[] = [
  {
    title: 'undo goes back a version, and redo forward again',
    appliesTo: hasVersions,
    async check(kit) {
      const { subject, seqOne } = await inStateTwo(kit);
      const undone = await versionsOf(subject).undo(1, subject.nextSeq());
      assert.deepEqual(undone, { reached_seq: seqOne, steps: 1 });
      await shows(kit, subject, 'one');
      assert.equal((await versionsOf(subject).redo(1, subject.nextSeq())).steps, 1);
      await shows(kit, subject, 'two');
    },
  },
  {
    title: 'undo and redo stop where there is no further version, and say how far they went',
    appliesTo: hasVersions,
    async check(kit) {
      const { subject } = await inStateTwo(kit);
      assert.equal((await versionsOf(subject).undo(9, subject.nextSeq())).steps, 2);
      await shows(kit, subject, 'fresh');
      assert.equal((await versionsOf(subject).redo(9, subject.nextSeq())).steps, 2);
      assert.equal((await versionsOf(subject).redo(1, subject.nextSeq())).steps, 0);
      await shows(kit, subject, 'two');
    },
  },
  {
    title: 'goto reaches the state that there was at a seq, and the next change goes on from it',
    appliesTo: hasVersions,
    async check(kit) {
      const { subject, seqOne } = await inStateTwo(kit);
      const seqTwo = subject.lastSeq;
      await versionsOf(subject).goto(seqOne, subject.nextSeq());
      await shows(kit, subject, 'one');
      await subject.take(kit.sample.changeAgain);
      await shows(kit, subject, 'two');
      await versionsOf(subject).goto(0, subject.nextSeq());
      await shows(kit, subject, 'fresh');
      await versionsOf(subject).goto(seqTwo, subject.nextSeq());
      await shows(kit, subject, 'two');
    },
  },
  {
    title: 'earlier versions come back with a captured state',
    appliesTo: hasVersions,
    async check(kit) {
      const { subject } = await inStateTwo(kit);
      const restored = await kit.restored(await subject.save());
      await shows(kit, restored, 'two');
      await versionsOf(restored).undo(1, restored.nextSeq());
      await shows(kit, restored, 'one');
    },
  },
];
