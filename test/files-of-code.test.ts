/** Files that a session's own code works with: what it changed, and what recorded tools say of it. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import type { ISession } from '../src/types/client.js';
import { fileTools } from './support/file-tools.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';

const rowsSchema = z.array(
  z.object({
    tool: z.string(),
    args: z.record(z.string(), z.unknown()),
    expect: z.object({
      result: z.record(z.string(), z.unknown()).optional(),
      error: z.union([z.string(), z.object({ $contains: z.array(z.string()) })]).optional(),
    }),
  }),
);

describe('files of Python sessions', () => {
  let server: RunningServer;
  let client: Sojourn;
  let session: ISession;

  before(function () {
    return needs.python(this);
  });
  beforeEach(async () => {
    server = await openServer();
    client = new Sojourn(new HttpCaller({ url: server.url, token: server.token }));
    session = await client.createSession({ sessionId: 'a' });
  });
  afterEach(async () => {
    await client?.close();
    await server?.dispose();
  });

  const changedBy = async (code: string) => (await session.execute(code, { reportFiles: true })).newFiles;
  const writing = (path: string) => `with open('${path}', 'w') as f: f.write('x')`;

  it('K-25: tell what a run made or changed, sorted, and nothing that was there before', async () => {
    await session.files.write('before', 'x');
    expect(await changedBy('1 + 1')).to.deep.equal([]);
    expect(await changedBy(writing('rel.txt'))).to.deep.equal(['rel.txt']);
    expect(await changedBy("open('rel.txt').read()")).to.deep.equal([]);
    const many = `import os\nos.makedirs('d/e')\nfor n in ('z', 'd/e/b', 'd/a', 'before'):\n    open(n, 'a').write('y')`;
    expect(await changedBy(many)).to.deep.equal(['before', 'd/a', 'd/e/b', 'z']);
    expect((await session.execute(writing('rel.txt'))).newFiles).to.equal(undefined);
    expect(await changedBy(`${writing('last')}\n1/0`)).to.deep.equal(['last']);
  });

  it('K-25: tell it of each run apart, however quickly they follow each other', async function () {
    this.timeout(60_000);
    for (let index = 0; index < 40; index += 1)
      expect(await changedBy(writing(`f${index}`))).to.deep.equal([`f${index}`]);
  });

  it('K-25: tell what a script made or changed, however it ended, where that is asked for', async () => {
    await session.files.saveScript('s', `import sys\n${writing('made')}\nsys.exit(sys.argv[1])`);
    const script = 'scripts/s.py';
    const call = { args: ['oops'], reportFiles: true, idempotencyKey: 'k' };
    expect(await session.runScript(script, call)).to.deep.include({ returncode: 1, newFiles: ['made'] });
    expect((await session.runScript(script, call)).newFiles).to.deep.equal(['made']);
    expect((await session.runScript(script, { args: ['0'] })).newFiles).to.equal(undefined);
  });

  it('K-25: tell the same whenever the answer is read again', async () => {
    const { seq, newFiles } = await session.execute(writing('f'), { reportFiles: true, idempotencyKey: 'k' });
    await session.hibernate();
    expect((await session.execution(seq)).newFiles).to.deep.equal(newFiles);
    const again = await session.execute(writing('f'), { reportFiles: true, idempotencyKey: 'k' });
    expect(again.newFiles).to.deep.equal(['f']);
  });

  it('K-23: are there again, with what code made of them, after a sleep', async () => {
    await session.files.write('data/in.csv', 'a,b\n1,2\n');
    await session.execute("rows = open('data/in.csv').read().split()\nopen('out.txt', 'w').write(rows[1])");
    await session.hibernate();
    expect((await session.files.read('out.txt')).text).to.equal('1,2');
    expect((await session.execute('rows[0]')).output).to.equal("'a,b'\n");
    const { workspace } = await session.files.list();
    expect((await session.execute('import os; os.getcwd()')).result?.['text/plain']).to.equal(
      `'${workspace}'`,
    );
  });

  it('K-23, K-24: are what the recorded file tools say, row by row', async function () {
    this.timeout(60_000);
    const file = await readFile(new URL('./fixtures/file-tools.json', import.meta.url), 'utf8');
    const rows = rowsSchema.parse(JSON.parse(file));
    const { workspace } = await session.files.list();
    await session.execute("import os\nfor name in ('scripts', 'outputs', 'uploads'): os.mkdir(name)");
    for (const row of rows) {
      const what = `${row.tool} ${JSON.stringify(row.args)}`;
      const outcome = await fileTools[row.tool]!(session, row.args).then(
        (result) => ({ result, error: '' }),
        (error: unknown) => ({ result: undefined, error: error instanceof Error ? error.message : '' }),
      );
      const { result, error = '' } = row.expect;
      if (typeof error === 'string') expect(outcome.error, what).to.equal(error);
      else for (const part of error.$contains) expect(outcome.error, what).to.include(part);
      if (!result) continue;
      const { execution_time: _time, ...wanted } = result;
      const text = JSON.stringify(wanted).replaceAll('<WS>', workspace);
      expect(outcome.result, what).to.deep.include(JSON.parse(text) as object);
    }
    expect(rows.length).to.be.greaterThan(20);
  });
});
