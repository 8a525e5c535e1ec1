import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { needs, pythonExecutable } from './support/needs.js';
import { programPath, startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** Runs its arguments at a terminal of their own, and passes on what is typed and what is shown. */
const atTerminal = [
  '-c',
  'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)',
  process.execPath,
  programPath,
];
const code = `name = input('Name: ')\nimport getpass\nword = getpass.getpass()\nprint('hello', name, len(word))`;

describe('code that asks for input at the command line', function () {
  this.timeout(60_000);
  let server: ServerProcess;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    server = await startServerProcess(join(await temporaryFolder(), 'data'));
  });
  after(() => server?.stop());

  const start = (command: string, args: readonly string[]) =>
    spawn(command, [...args, '--url', server.url, '--token', server.token], {
      env: { PATH: process.env.PATH },
    });

  it('is answered by the person at the terminal, whose password is not shown', async () => {
    const child = start(pythonExecutable, [...atTerminal, 'exec', 'a', code]);
    let shown = '';
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      const before = shown;
      shown += piece.toString();
      const appeared = (prompt: string) => shown.includes(prompt) && !before.includes(prompt);
      if (appeared('Name: ')) child.stdin.write('Ann\n');
      if (appeared('Password: ')) child.stdin.write('swordfish\n');
    }
    if (child.exitCode === null) await once(child, 'exit');
    expect(shown).to.contain('hello Ann 9');
    expect(shown.replace('hello Ann 9', '')).not.to.contain('swordfish');
    expect(child.exitCode).to.equal(0);
  });

  it('fails at once where there is no terminal', async () => {
    const child = start(process.execPath, [programPath, 'exec', 'a', code]);
    child.stdin.end('Ann\n');
    const [error] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(error).to.match(/EOFError: input\(\) has no answer: this run was started without input\n$/);
    expect(child.exitCode).to.equal(1);
  });
});
