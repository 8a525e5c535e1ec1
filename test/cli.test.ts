import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { needs, pythonExecutable } from './support/needs.js';
import { programPath, startServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

describe('the command line', function () {
  this.timeout(60_000);
  before(function () {
    return needs.python(this);
  });

  let dataDir: string;
  beforeEach(async () => {
    dataDir = join(await temporaryFolder(), 'data');
  });

  async function sojourn(
    args: string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<Ran> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: dataDir,
      SOJOURN_DATA_DIR: dataDir,
      SOJOURN_PORT: '0',
      SOJOURN_PYTHON_EXECUTABLE: pythonExecutable,
      SOJOURN_PYTHON_PRELOAD: 'math',
      ...options.env,
    };
    const child = spawn(process.execPath, [programPath, ...args], { env, cwd: await temporaryFolder() });
    child.stdin.end(options.input ?? '');
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, out, err };
  }

  const json = (ran: Ran) => JSON.parse(ran.out) as Record<string, unknown>;

  it('starts a server by itself, and does the main job', async () => {
    try {
      expect((await sojourn(['new', 'python', '--id', 'a', '--name', 'first'])).out).to.equal('a\n');
      expect(await sojourn(['exec', 'a', 'x = [i*i for i in range(10)]'])).to.deep.equal({
        code: 0,
        out: '',
        err: '',
      });
      expect((await sojourn(['exec', 'a', 'print("hi"); sum(x)'])).out).to.equal('hi\n285\n');
      expect(json(await sojourn(['info', 'a', '--json']))).to.include({
        session_id: 'a',
        name: 'first',
        total_executions: 2,
      });
      expect((await sojourn(['ls'])).out).to.match(/^ID\s+KIND\s+STATUS.*\na\s+python\s+idle/);
      expect(json(await sojourn(['call', 'a', 'get_history', '{"limit":1}'])).total_executions).to.equal(2);
      expect((await sojourn(['status'])).out).to.match(/runs, pid \d+/);
      expect((await sojourn(['rm', 'a'])).out).to.equal('Deleted a.\n');
      expect((await sojourn(['ls'])).out).to.equal('No sessions.\n');
    } finally {
      expect((await sojourn(['stop'])).out).to.equal('Stopped.\n');
    }
    expect((await sojourn(['stop'])).out).to.equal('No server runs.\n');
    expect((await sojourn(['status'])).code).to.equal(1);
  });

  it('passes on output, errors and exit status of code, from an argument, a file or standard input', async () => {
    const file = join(await temporaryFolder(), 'script.py');
    await writeFile(file, 'print("from a file")\n');
    try {
      const failed = await sojourn([
        'exec',
        'a',
        'import sys\nprint("out")\nprint("err", file=sys.stderr)\n1/0',
      ]);
      expect([failed.code, failed.out]).to.deep.equal([1, 'out\n']);
      expect(failed.err).to.match(/^err\n[\s\S]*ZeroDivisionError: division by zero\n$/);
      expect((await sojourn(['exec', 'a', '-f', file])).out).to.equal('from a file\n');
      expect((await sojourn(['exec', 'a', '-'], { input: 'print("piped")' })).out).to.equal('piped\n');
      expect(json(await sojourn(['exec', 'a', '6*7', '--json']))).to.include({
        status: 'ok',
        output: '42\n',
      });
      expect((await sojourn(['exec', 'a', '-f', '/nowhere.py'])).err).to.equal(
        'sojourn: File not found: /nowhere.py\n',
      );
    } finally {
      await sojourn(['stop']);
    }
  });

  it('says in one line what is wrong with a session or an operation', async () => {
    try {
      await sojourn(['new', '--id', 'a']);
      expect(await sojourn(['info', 'nobody'])).to.deep.equal({
        code: 1,
        out: '',
        err: "sojourn: No session 'nobody'.\n",
      });
      expect((await sojourn(['new', '--id', '../x'])).err).to.match(
        /^sojourn: session_id: a session id has 1 to 128.*\n$/,
      );
      expect((await sojourn(['call', 'a', 'fly'])).err).to.equal("sojourn: No operation 'fly'.\n");
      expect((await sojourn(['call', 'a', 'get_history', 'no json'])).err).to.match(
        /^sojourn: The parameters must be a JSON object.*\n$/,
      );
      const failure = await sojourn(['info', 'nobody', '--json']);
      expect(JSON.parse(failure.err)).to.have.nested.property('error.code', 'session_not_found');
      expect((await sojourn(['rm', 'nobody', 'a'])).code).to.equal(1);
    } finally {
      await sojourn(['stop']);
    }
  });

  it('tells wrong usage by exit status 2', async () => {
    expect((await sojourn(['fly'])).code).to.equal(2);
    expect((await sojourn(['serve', '--port', 'many'])).code).to.equal(2);
    expect((await sojourn(['info'])).code).to.equal(2);
    expect((await sojourn(['--version'])).code).to.equal(0);
    expect((await sojourn(['--help'])).code).to.equal(0);
  });

  it('says in one line that a port is busy, a folder cannot be used or a setting is wrong', async () => {
    const busy = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    const refused = await sojourn(['serve', '--port', String(port)]);
    busy.close();
    expect([refused.code, refused.err]).to.deep.equal([
      1,
      `sojourn: Port ${port} is already in use by another application on 127.0.0.1; choose another with --port ${port + 1}, or --port 0 for any free one.\n`,
    ]);
    const file = join(await temporaryFolder(), 'a-file');
    await writeFile(file, '');
    const unusable = await sojourn(['serve', '--data-dir', join(file, 'data')]);
    expect(unusable.code).to.equal(1);
    expect(unusable.err).to.match(
      /^sojourn: The data folder .* cannot be used .* give another --data-dir\.\n$/,
    );
    const wrong = await sojourn(['serve'], { env: { SOJOURN_PROT: '1' } });
    expect([wrong.code, wrong.err]).to.deep.equal([
      1,
      'sojourn: SOJOURN_PROT in the environment is no setting; did you mean SOJOURN_PORT?\n',
    ]);
  });

  it('refuses a second server for one data folder and says where the first one is', async () => {
    const first = await startServerProcess(dataDir);
    try {
      const second = await sojourn(['serve', '--port', '0']);
      expect(second.code).to.equal(1);
      expect(second.err).to.include(`is in use by a server with pid ${first.pid} at ${first.url}`);
      expect(second.err.trim().split('\n')).to.have.length(1);
    } finally {
      await first.stop();
    }
  });

  it('says so when a server hangs, and starts no second one', async () => {
    const server = await startServerProcess(dataDir);
    server.child.kill('SIGSTOP');
    try {
      const asked = await sojourn(['ls']);
      expect(asked.code).to.equal(1);
      expect(asked.err).to.equal(
        `sojourn: The server with pid ${server.pid} at ${server.url} does not answer; \`sojourn stop\` ends it, its sessions are kept.\n`,
      );
    } finally {
      server.child.kill('SIGCONT');
      await server.stop();
    }
  });

  it('takes the place of a server that was killed', async () => {
    const killed = await startServerProcess(dataDir);
    await killed.kill();
    expect((await sojourn(['start'])).out).to.match(/^Started, pid \d+\.\n$/);
    expect((await sojourn(['start'])).out).to.match(/^Already running, pid \d+\.\n$/);
    await sojourn(['stop']);
  });

  it('tells what works on the machine', async () => {
    const good = await sojourn(['doctor', '--json']);
    expect(good.code).to.equal(0);
    const { findings } = json(good) as { findings: { name: string; facts?: Record<string, unknown> }[] };
    const python = findings.find(({ name }) => name === 'python');
    expect(python?.facts).to.have.property('version').that.matches(/^3\./);
    const bad = await sojourn(['doctor'], { env: { SOJOURN_PYTHON_EXECUTABLE: '/nowhere/python3' } });
    expect(bad.code).to.equal(1);
    expect(bad.out).to.match(/FAIL\s+python\s+.*\/nowhere\/python3/);
  });
});
