/** Choices that a property test has drawn: the same numbers choose the same things. */
export class Dice {
  private at = 0;

  constructor(private readonly drawn: readonly number[]) {}

  /** From 0 up to, and without, `count`. */
  below(count: number): number {
    const number = this.drawn[this.at % this.drawn.length] ?? 0;
    // Drawn once and used again, it gives something else.
    this.at += 1;
    return (number + Math.floor(this.at / this.drawn.length)) % Math.max(1, count);
  }

  /** With a chance of one in so many. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** At least `least` of them, in their order. */
  some<T>(choices: readonly T[], least = 1): T[] {
    const chosen = choices.filter(() => this.oneIn(2));
    return chosen.length >= least ? chosen : choices.slice(0, least);
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }
}
