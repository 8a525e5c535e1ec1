/**
 * What a terminal makes of text: a carriage return goes back to the start of the line and a backspace one place back,
 * and what is written then replaces what stood there. A progress bar of a thousand states is one line.
 */

/** A line that never ends is given out in pieces of this many characters: beyond them nothing is written over. */
const lineMax = 65_536;
const escape = String.fromCharCode(27);
/** The characters that move the cursor back, and the sequences that erase a line or a part of it. */
const moving = `\\r|${String.fromCharCode(8)}|${escape}\\[[012]?K`;
const writesOver = new RegExp(moving);
const tokens = new RegExp(`(${moving}|\\n)`);

export class TerminalText {
  private line = '';
  /** The line by characters, once something was written over in it. */
  private cells: string[] | null = null;
  private cursor = 0;

  /** Takes text in; returns the lines that are finished by it. */
  write(text: string): string {
    if (this.cells !== null || writesOver.test(text)) return this.writeOver(text);
    const end = text.lastIndexOf('\n') + 1;
    const finished = end === 0 ? '' : this.line + text.slice(0, end);
    this.line = end === 0 ? this.line + text : text.slice(end);
    return this.line.length > lineMax ? finished + this.end() : finished;
  }

  /** The line that is not finished; the next one begins. */
  end(): string {
    const line = this.cells?.join('') ?? this.line;
    this.line = '';
    this.cells = null;
    this.cursor = 0;
    return line;
  }

  /** Characters of the line that is not finished. */
  get width(): number {
    return this.cells?.length ?? this.line.length;
  }

  clone(): TerminalText {
    const copy = new TerminalText();
    // A copy of its own: a slice would keep all of the text that it was cut from.
    copy.line = Buffer.from(this.line).toString();
    copy.cells = this.cells?.slice() ?? null;
    copy.cursor = this.cursor;
    return copy;
  }

  private writeOver(text: string): string {
    let finished = '';
    for (const token of text.split(tokens)) {
      const cells = (this.cells ??= this.toCells());
      if (token === '\n') finished += `${this.end()}\n`;
      else if (token === '\r') this.cursor = 0;
      else if (token === '\b') this.cursor = Math.max(0, this.cursor - 1);
      else if (token.startsWith(escape) && writesOver.test(token)) this.erase(cells, token);
      else for (const character of token) cells[this.cursor++] = character;
      if (cells.length > lineMax) finished += this.end();
    }
    if (this.cells?.length === this.cursor) {
      // Nothing is left to be written over: the line goes on as plain text.
      this.line = this.end();
    }
    return finished;
  }

  private toCells(): string[] {
    const cells = Array.from(this.line);
    this.cursor = cells.length;
    this.line = '';
    return cells;
  }

  private erase(cells: string[], sequence: string): void {
    if (!sequence.includes('1')) cells.length = Math.min(cells.length, this.cursor);
    if (sequence.includes('1') || sequence.includes('2')) cells.fill(' ', 0, this.cursor);
  }
}
