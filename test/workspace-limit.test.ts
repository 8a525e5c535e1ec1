/** How much code may write: what is over the limit is found while it is written, and said. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemFiles } from '../src/core/system.js';
import type { RunOutcome } from '../src/core/run.js';
import { WorkspaceGuard } from '../src/core/workspace-guard.js';
import type { ISession } from '../src/types/client.js';
import { DrivenClock } from './support/driven-clock.js';
import { keptLog } from './support/kept-log.js';
import { needs } from './support/needs.js';
import { openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { codeOf, until } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';

const limits = { workspace_bytes: 1000, workspace_entries: 20 };
const ended: RunOutcome = { status: 'ok', duration_ms: 1, error: null };

describe('the watch over a workspace', () => {
  let workspace: string;
  let clock: DrivenClock;
  let guard: WorkspaceGuard;
  /** How often the workspace was counted. */
  let counts: number;

  beforeEach(async () => {
    workspace = join(await temporaryFolder(), 'w');
    await mkdir(workspace);
    clock = new DrivenClock();
    counts = 0;
    const files = {
      ...systemFiles,
      holdDirectory: async (path: string) => {
        const held = await systemFiles.holdDirectory(path);
        const dispose = async () => {
          await held.dispose();
          if (path === workspace) counts += 1;
        };
        return { ...held, dispose };
      },
    };
    guard = new WorkspaceGuard({ workspace, files, clock, limits, log: keptLog() }, false);
  });

  const write = (name: string, bytes: number) => writeFile(join(workspace, name), 'x'.repeat(bytes));

  /** Lets time go on until it was counted again. */
  const countAgain = async () => {
    const before = counts;
    await until(() => {
      clock.advance(1000);
      return Promise.resolve(counts > before);
    });
  };

  /** A run that goes on until it is stopped or told to end. */
  function run(temporary?: string) {
    const controller = new AbortController();
    let end: () => void = () => undefined;
    const over = new Promise<RunOutcome>((resolve) => {
      end = () => resolve(ended);
      controller.signal.addEventListener('abort', () => resolve({ ...ended, status: 'interrupted' }));
    });
    return { end, signal: controller.signal, outcome: guard.during(controller, temporary, () => over) };
  }

  it('stops a run that writes over the limit, and says why', async () => {
    const { outcome, signal } = run();
    await write('a', 900);
    await countAgain();
    expect(signal.aborted).to.equal(false);
    await write('b', 200);
    await countAgain();
    const { status, error } = await outcome;
    expect(status).to.equal('interrupted');
    expect(error).to.include({ name: 'WorkspaceFull', code: 'limit_exceeded' });
    expect(error?.message).to.contain('1100 bytes').and.to.contain('1000 of limits.workspace_bytes');
  });

  it('counts entries too, and a temporary folder', async () => {
    const temporary = join(workspace, '..', 'tmp');
    await mkdir(temporary);
    for (let index = 0; index < 25; index += 1) await writeFile(join(temporary, String(index)), '');
    const { outcome } = run(temporary);
    await countAgain();
    expect((await outcome).error?.message)
      .to.contain('25 files')
      .and.to.contain('limits.workspace_entries');
  });

  it('lets a run go on over the limit that does not add to it, and stops one that does', async () => {
    await write('a', 900);
    await write('b', 900);
    await guard.admit();
    const clearing = run();
    await rm(join(workspace, 'b'));
    await write('c', 500);
    for (let looks = 0; looks < 3; looks += 1) await countAgain();
    expect(clearing.signal.aborted).to.equal(false);
    clearing.end();
    expect(await clearing.outcome).to.equal(ended);
    const adding = run();
    await write('d', 1);
    await countAgain();
    expect((await adding.outcome).error).to.include({ name: 'WorkspaceFull' });
  });

  it('refuses to run far over the limit, until something is deleted', async () => {
    await write('a', 2100);
    const error: unknown = await guard.admit().catch((thrown: unknown) => thrown);
    const setting = 'limits.workspace_bytes';
    expect(error).to.deep.include({
      code: 'limit_exceeded',
      fields: { limit: setting, setting, value: 1000 },
    });
    await write('a', 1900);
    await guard.admit();
  });

  it('counts once for many short runs, and not at all when none runs', async () => {
    for (let index = 0; index < 50; index += 1) {
      await guard.admit();
      const { outcome, end } = run();
      end();
      await outcome;
    }
    for (let index = 0; index < 50; index += 1) clock.advance(1000);
    expect(counts).to.equal(1);
  });
});

describe('a Python session that fills its workspace', function () {
  this.timeout(60_000);
  let server: PythonClient;
  let session: ISession;

  before(async function () {
    await needs.python(this);
    const config = { limits: { workspace_bytes: 3_000_000, workspace_entries: 300 } };
    server = await openPythonClient(config);
  });
  after(() => server.close());
  beforeEach(async () => {
    session = await server.client.createSession();
  });
  afterEach(() => session.delete());

  /** Fills it by one and a half of the limit, and waits for what comes then. */
  const fill = `import time
for i in range(45):
    open(f'f{i}', 'wb').write(bytes(100_000))
time.sleep(50)`;

  it('is interrupted, told why, and can make room by itself', async () => {
    const full = await session.execute(`kept = 1\n${fill}`);
    expect(full.status).to.equal('interrupted');
    expect(full.error).to.include({ name: 'WorkspaceFull', code: 'limit_exceeded' });
    expect(full.output).to.contain('limits.workspace_bytes');
    expect(await session.execution(full.seq)).to.deep.include({ error: full.error, output: full.output });
    const clearing = `import os\nfor i in range(45): os.remove(f'f{i}')\nlen(os.listdir('.')), kept`;
    expect((await session.execute(clearing)).output).to.equal('(0, 1)\n');
  });

  it('is interrupted for the number of its files, and for those in its folder for temporary ones', async () => {
    const many = `import tempfile, time\nfor i in range(500): tempfile.mkstemp()\ntime.sleep(50)`;
    const { status, error } = await session.execute(many);
    expect(status).to.equal('interrupted');
    expect(error?.message).to.contain('limits.workspace_entries');
  });

  it('is interrupted when a script does it', async () => {
    await session.files.write('fill.py', fill);
    const { status, output } = await session.runScript('fill.py');
    expect(status).to.equal('interrupted');
    expect(output).to.contain('WorkspaceFull');
  });

  it('runs no code far over the limit, until files are deleted', async () => {
    const filled = session.execute(fill.replace('45', '70'));
    expect((await filled).error?.code).to.equal('limit_exceeded');
    expect(await codeOf(session.execute('1'))).to.equal('limit_exceeded');
    for (let index = 0; index < 12; index += 1) await session.files.delete(`f${index}`);
    expect((await session.execute('2')).output).to.equal('2\n');
  });

  it('is also watched where code runs without a session', async () => {
    const result = await server.client.call('run_once', { code: fill });
    expect(result).to.include({ status: 'interrupted' });
    expect((result as { output: string }).output).to.contain('WorkspaceFull');
  });
});
