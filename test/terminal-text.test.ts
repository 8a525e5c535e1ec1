import { expect } from 'chai';
import fc from 'fast-check';
import { RunScreen } from '../src/core/run-screen.js';
import { TerminalText } from '../src/core/terminal-text.js';

function shown(...pieces: string[]): string {
  const terminal = new TerminalText();
  const finished = pieces.map((piece) => terminal.write(piece)).join('');
  return finished + terminal.end();
}

describe('what a terminal shows', () => {
  const cases: [title: string, written: string, text: string][] = [
    ['plain text as it is', 'a\nb', 'a\nb'],
    ['the last state of a progress bar', '\r  0%\r 50%\r100%\ndone\n', '100%\ndone\n'],
    ['what a shorter text leaves of a longer one', 'abcdef\rxy\n', 'xycdef\n'],
    ['a line that ended with a return', 'half\r', 'half'],
    ['line ends of other systems', 'a\r\nb\r\n', 'a\nb\n'],
    ['text corrected by backspaces', 'teh\b\bhe\n', 'the\n'],
    ['no backspace beyond the start of a line', 'a\n\b\bb\n', 'a\nb\n'],
    ['an erased rest of a line', 'abcdef\r\u001b[Kxy\n', 'xy\n'],
    ['an erased line', 'abc\u001b[2K\rxy\n', 'xy \n'],
    ['whole characters, however they are stored', '🙂🙂\b!\n', '🙂!\n'],
    ['other sequences as they are', '\u001b[31mred\u001b[0m\n', '\u001b[31mred\u001b[0m\n'],
  ];
  for (const [title, written, text] of cases) {
    it(`is ${title}`, () => {
      expect(shown(written)).to.equal(text);
    });
  }

  it('is the same however the text was cut into pieces', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\r', '\b', '🙂', 'long text '), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(text, (pieces) => {
        expect(shown(...pieces)).to.equal(shown(pieces.join('')));
      }),
    );
  });

  it('gives lines out as they are finished, and the last one at the end', () => {
    const terminal = new TerminalText();
    expect(terminal.write('a\nb')).to.equal('a\n');
    expect(terminal.write('\rc')).to.equal('');
    expect(terminal.write('\n')).to.equal('c\n');
    expect(terminal.end()).to.equal('');
  });

  it('keeps a bounded part of a line that never ends, and all of its text', () => {
    const terminal = new TerminalText();
    let length = 0;
    for (let index = 0; index < 100; index += 1) length += terminal.write('x'.repeat(10_000)).length;
    expect(length).to.be.greaterThan(900_000);
    expect(length + terminal.end().length).to.equal(1_000_000);
  });

  it('takes no longer for a line that is written over again and again', () => {
    const text = `${'x'.repeat(60_000)}${'\by'.repeat(100_000)}`;
    expect(shown(text)).to.equal(`${'x'.repeat(59_999)}y`);
  });
});

describe('the screen of a run', () => {
  it('has prompts with their answers, but no passwords', () => {
    const screen = new RunScreen();
    const text = [
      screen.add({ type: 'input_request', prompt: 'Name: ', password: false }),
      screen.add({ type: 'input_reply', input_id: 1, value: 'Ann' }),
      screen.add({ type: 'input_request', prompt: 'Password: ', password: true }),
      screen.add({ type: 'input_reply', input_id: 3, password: true }),
      screen.end(),
    ];
    expect(text.join('')).to.equal('Name: Ann\nPassword: \n');
  });
});
