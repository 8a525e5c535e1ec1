/**
 * What a session's time travel should do, in plain words: a path of states from the beginning to now, what can be redone,
 * and for each place of the journal that was seen, what both were then.
 */

export interface Moment {
  /** The states that led here, oldest first; the last one is the present. */
  readonly path: readonly number[];
}

export class TimeModel {
  private redone: number[] = [];
  private readonly places = new Map<number, Moment>();

  constructor(private path: readonly number[]) {}

  get state(): number {
    return this.path.at(-1) ?? 0;
  }

  /** Without what can be redone: so does a session that goes there. */
  get moment(): Moment {
    return { path: this.path };
  }

  /** Everything up to this place has been written. */
  at(headSeq: number): this {
    this.places.set(headSeq, this.moment);
    return this;
  }

  /** Places that can be gone to. */
  get seen(): readonly number[] {
    return [...this.places.keys()];
  }

  momentAt(seq: number): Moment {
    const found = this.places.get(seq);
    if (!found) throw new Error(`nothing is known of ${seq}`);
    return found;
  }

  write(state: number): void {
    this.path = [...this.path, state];
    this.redone = [];
  }

  /** @returns how many steps it goes */
  undo(steps: number): number {
    const gone = Math.min(steps, this.path.length - 1);
    for (let step = 0; step < gone; step += 1) {
      this.redone.push(this.state);
      this.path = this.path.slice(0, -1);
    }
    return gone;
  }

  redo(steps: number): number {
    const gone = Math.min(steps, this.redone.length);
    for (let step = 0; step < gone; step += 1) this.path = [...this.path, this.redone.pop() ?? 0];
    return gone;
  }

  goto(moment: Moment): void {
    this.path = moment.path;
    this.redone = [];
  }

  /** Of the present with what can be redone; the places of the past are its own, too. */
  fork(): TimeModel {
    const made = new TimeModel(this.path);
    made.redone = [...this.redone];
    for (const [seq, moment] of this.places) made.places.set(seq, moment);
    return made;
  }

  /** Of a former place. */
  forkAt(seq: number): TimeModel {
    const made = new TimeModel(this.momentAt(seq).path);
    for (const [place, moment] of this.places) if (place <= seq) made.places.set(place, moment);
    return made;
  }
}
