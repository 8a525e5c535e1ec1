import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { nextEvent, wholeOutput } from './support/python-client.js';
import { startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { codeOf, journal } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

const connect = ({ url, token }: ServerProcess) => new Sojourn(new HttpCaller({ url, token, retries: 0 }));

/** The most memory that a process ever had, in bytes. */
async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function digest(session: ISession, seq: number): Promise<string> {
  const hash = createHash('sha256');
  for (let offset = 0, complete = false; !complete;) {
    const page = await session.output(seq, { stream: 'stdout', offset, limit: 4 * 2 ** 20 });
    hash.update(page.text);
    ({ nextOffset: offset, complete } = page);
  }
  return hash.digest('hex');
}

describe('a server with long output', function () {
  this.timeout(120_000);
  let server: ServerProcess | undefined;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });
  afterEach(async () => {
    await server?.kill();
    server = undefined;
  });

  const start = async (dataDir: string, env: Record<string, string> = {}) => {
    server = await startServerProcess(dataDir, env);
    return { server, client: connect(server) };
  };

  it('takes 200 MB in bounded memory, and has every byte of it after kill -9', async () => {
    const dataDir = join(await temporaryFolder(), 'data');
    // A heap that could not hold it.
    const first = await start(dataDir, { NODE_OPTIONS: '--max-old-space-size=128' });
    const session = await first.client.createSession({ sessionId: 'a' });
    await session.execute('1');
    const before = await peakBytes(first.server.pid);
    const code = `line = 'x' * 99_999\nfor i in range(2000): print(line)\nprint('the end')`;
    const { seq, stdout, totalBytes } = await session.execute(code);
    expect(stdout.endsWith('x\nthe end\n')).to.equal(true);
    expect(totalBytes).to.deep.include({ stdout: 200_000_008 });
    const expected = createHash('sha256');
    for (let index = 0; index < 2000; index += 1) expected.update(`${'x'.repeat(99_999)}\n`);
    const whole = expected.update('the end\n').digest('hex');
    expect(await digest(session, seq)).to.equal(whole);
    const grown = (await peakBytes(first.server.pid)) - before;
    expect(grown, `grew by ${Math.round(grown / 1e6)} MB`).to.be.lessThan(250e6);
    await first.client.close();
    await first.server.kill();
    const second = await start(dataDir);
    expect(await digest(second.client.session('a'), seq)).to.equal(whole);
    await second.client.close();
  });

  it('has what a reader was given of a run, after it was killed in the middle of it', async () => {
    const dataDir = join(await temporaryFolder(), 'data');
    const env = { SOJOURN_LIMITS_JOURNAL_OUTPUT_BYTES: '10000' };
    const first = await start(dataDir, env);
    const session = await first.client.createSession({ sessionId: 'a' });
    const run = session
      .execute(`i = 0\nwhile True:\n    print(i, 'x' * 5000)\n    i += 1`)
      .catch(() => 'lost');
    const { seq } = await nextEvent(session, 'input');
    let given = '';
    while (given.length < 3_000_000) {
      given += (await session.output(seq, { offset: given.length, limit: 2 ** 20 })).text;
    }
    await first.server.kill();
    expect(await run).to.equal('lost');
    await first.client.close();
    const second = await start(dataDir, env);
    const again = second.client.session('a');
    expect((await again.execute('1')).status).to.equal('ok');
    const text = await wholeOutput(again, seq, { limit: 2 ** 20 });
    expect(text.startsWith(given)).to.equal(true);
    expect((await again.execution(seq)).status).to.equal('interrupted');
    await second.client.close();
  });

  it('asks nobody again for what code was told, after kill -9', async () => {
    const dataDir = join(await temporaryFolder(), 'data');
    const first = await start(dataDir, { SOJOURN_CHECKPOINT_INTERVAL_MS: '1000000' });
    const session = await first.client.createSession({ sessionId: 'a' });
    const run = session.execute(
      `names = [input('1: '), input('2: ')]\ntry: names.append(input())\nexcept EOFError: pass`,
    );
    let since = 0;
    for (const value of ['Ann', 'Bob', null]) {
      const request = await nextEvent(session, 'input_request', since);
      await session.replyInput(value, { inputId: request.seq });
      since = request.seq + 1;
    }
    expect((await run).status).to.equal('ok');
    const secret = session.execute(`import getpass\nword = getpass.getpass()`);
    const request = await nextEvent(session, 'input_request', since);
    await session.replyInput('a secret of nobody', { inputId: request.seq });
    expect((await secret).durable).to.equal(true);
    const waits = session.execute('input()').catch(() => 'lost');
    await nextEvent(session, 'input_request', request.seq + 1);
    await first.server.kill();
    expect(await waits).to.equal('lost');
    await first.client.close();
    const second = await start(dataDir);
    const again = second.client.session('a');
    // Nothing waits any more: the run that asked went with its server.
    expect(await codeOf(again.replyInput('late'))).to.equal('conflict');
    const code = `names, word[:8], word[8:]`;
    expect((await again.execute(code)).output).to.equal(`(['Ann', 'Bob'], 'a secret', ' of nobody')\n`);
    expect((await again.info()).inputRequest).to.equal(null);
    expect(JSON.stringify(await journal(again)).includes('a secret of nobody')).to.equal(false);
    await second.client.close();
  });
});
