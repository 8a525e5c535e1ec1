/** Versioned notes that each break one rule of the engine contract. */
import type { CheckpointSource } from '../../src/types/engine.js';
import type { BrokenNote } from './broken-notes.js';
import { VersionedNote, versionedFixture } from './versioned-note.js';

const brokenBy = (Kind: typeof VersionedNote) => () => versionedFixture(Kind);

/** Cannot go forward any more. */
class RedoesNothing extends VersionedNote {
  override redo() {
    return { reached_seq: this.head.seq, steps: 0 };
  }
}

/** Says that it went as far as it was told. */
class Boasts extends VersionedNote {
  override undo(steps: number, atSeq: number) {
    return { ...super.undo(steps, atSeq), steps };
  }
}

/** Takes the seq for that of a version, wherever the head was then. */
class GoesToTheLast extends VersionedNote {
  override goto(_seq: number, atSeq: number) {
    return super.goto(this.moves.at(-1)?.seq ?? 0, atSeq);
  }
}

class RestoresTheHead extends VersionedNote {
  override async restore(source: CheckpointSource): Promise<{ not_kept: [] }> {
    const report = await super.restore({ ...source, manifest: {} });
    this.words = [{ seq: 0, word: this.word, parent: null }];
    return report;
  }
}

export const brokenVersions: readonly BrokenNote[] = [
  {
    rule: 'undo goes back a version, and redo forward again',
    also: ['undo and redo stop where there is no further version, and say how far they went'],
    fixture: brokenBy(RedoesNothing),
  },
  {
    rule: 'undo and redo stop where there is no further version, and say how far they went',
    fixture: brokenBy(Boasts),
  },
  {
    rule: 'goto reaches the state that there was at a seq, and the next change goes on from it',
    fixture: brokenBy(GoesToTheLast),
  },
  { rule: 'earlier versions come back with a captured state', fixture: brokenBy(RestoresTheHead) },
];
