/** A note that keeps its earlier words, and can go back to them. Each of its moves can be broken on its own. */
import type { EngineFixture } from '../../src/contracts/engine.js';
import type {
  CheckpointContent,
  CheckpointSource,
  ExecuteOutcome,
  ExecuteRequest,
  IVersions,
  PartSink,
  RunContext,
} from '../../src/types/engine.js';
import { NoteEngine, noteFixture } from './note-engine.js';

interface Word {
  readonly seq: number;
  readonly word: string;
  readonly parent: number | null;
}

export class VersionedNote extends NoteEngine {
  words: Word[] = [{ seq: 0, word: '', parent: null }];
  moves: { seq: number; head: number }[] = [{ seq: 0, head: 0 }];
  undone: number[] = [];

  readonly versions: IVersions = {
    undo: (steps, atSeq) => Promise.resolve(this.undo(steps, atSeq)),
    redo: (steps, atSeq) => Promise.resolve(this.redo(steps, atSeq)),
    goto: (seq, atSeq) => Promise.resolve(this.goto(seq, atSeq)),
  };

  get head(): Word {
    return this.find(this.moves.at(-1)?.head ?? 0);
  }

  override async execute(request: ExecuteRequest, run: RunContext): Promise<ExecuteOutcome> {
    const outcome = await super.execute(request, run);
    if (this.word !== this.head.word) {
      this.words.push({ seq: run.inputSeq, word: this.word, parent: this.head.seq });
      this.undone = [];
      this.moveTo(run.inputSeq, run.inputSeq);
    }
    return outcome;
  }

  override clear(): Promise<void> {
    this.words = [{ seq: 0, word: '', parent: null }];
    this.moves = [{ seq: 0, head: 0 }];
    return super.clear();
  }

  undo(steps: number, atSeq: number) {
    let gone = 0;
    for (; gone < steps && this.head.parent !== null; gone += 1) {
      this.undone.push(this.head.seq);
      this.moveTo(this.head.parent, atSeq);
    }
    return { reached_seq: this.head.seq, steps: gone };
  }

  redo(steps: number, atSeq: number) {
    let gone = 0;
    for (
      let next = this.undone.pop();
      next !== undefined;
      next = gone < steps ? this.undone.pop() : undefined
    ) {
      this.moveTo(next, atSeq);
      gone += 1;
    }
    return { reached_seq: this.head.seq, steps: gone };
  }

  goto(seq: number, atSeq: number) {
    this.moveTo(this.moves.filter((move) => move.seq <= seq).at(-1)?.head ?? 0, atSeq);
    return { reached_seq: this.head.seq, steps: 1 };
  }

  moveTo(head: number, seq: number): void {
    this.moves.push({ seq, head });
    this.word = this.find(head).word;
  }

  override async write(word: string, sink: PartSink): Promise<CheckpointContent> {
    const { words, moves, undone } = this;
    return { manifest: { ...(await super.write(word, sink)).manifest, kept: { words, moves, undone } } };
  }

  override async restore(source: CheckpointSource): Promise<{ not_kept: [] }> {
    const report = await super.restore(source);
    Object.assign(this, source.manifest.kept);
    return report;
  }

  private find(seq: number): Word {
    return this.words.find((word) => word.seq === seq) ?? { seq: 0, word: '', parent: null };
  }
}

export const versionedFixture = (Kind = VersionedNote): EngineFixture =>
  noteFixture(Kind, { capabilities: { execute: true, replay: true, clear: true, versions: true } });
