/** The acceptance rows K-11, K-13, K-17 to K-21 and K-28: runs, restarts and health of kernel tools, over REST. */
import { expect } from 'chai';
import { z } from 'zod';
import { KernelTools } from './support/kernel-tools.js';
import { needs } from './support/needs.js';
import { nextEvent, openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { codeOf } from './support/session-words.js';
import { wheelhouse } from './support/wheelhouse.js';

const healthSchema = z.object({ uptime: z.number().nullable(), memory_usage: z.number().nullable() });
const listSchema = z.object({ sessions: z.record(z.string(), z.unknown()) });
const infoSchema = z.record(z.string(), z.string());

describe('runs and health of kernel tools', () => {
  let server: PythonClient;
  let tools: KernelTools;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });
  beforeEach(async () => {
    server = await openPythonClient();
    tools = await KernelTools.open(server.client);
  });
  afterEach(() => server.close());

  const run = (code: string) => tools.call('run_python_code', { code });
  const resultsOf = async (code: string) => (await run(code)).results;
  const errorOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof Error ? error.message : 'odd'),
    );

  it('K-11: failing code is a result with the traceback, and the session is usable', async () => {
    const failed = await run('x = 1\nprint("before")\n1/0');
    expect(failed).to.include({ stdout: 'before\n' });
    expect(String(failed.stderr).trimEnd().split('\n').at(-1)).to.equal(
      'ZeroDivisionError: division by zero',
    );
    expect(await resultsOf('x')).to.deep.equal(['1']);
  });

  it('K-13: an endless loop that prints is run once, stopped in time, and the next call works', async function () {
    this.timeout(30_000);
    const code = `runs = globals().get('runs', 0) + 1\nwhile True: print(runs)`;
    const began = performance.now();
    const error = await errorOf(tools.call('run_python_code', { code, timeout: 2 }));
    const took = performance.now() - began;
    expect(error).to.equal('It was stopped after 2 s.');
    expect(took).to.be.within(2000, 4000);
    expect(await resultsOf('runs')).to.deep.equal(['1']);
    const history = await tools.session.history();
    expect(history.map((entry) => [entry.code, entry.status])).to.deep.equal([
      [code, 'timeout'],
      ['runs', 'ok'],
    ]);
  });

  it('K-17: a restart forgets every variable, or keeps them and counts them truly', async () => {
    await run('import math\nx = 1\ny = [math.pi]\nf = open("held", "w")');
    const kept = await tools.call('restart_kernel', { preserve_state: true });
    expect(kept).to.include({ restarted: true, preserve_state: true, preserved_vars: 2, restored_vars: 2 });
    expect(await resultsOf('x, y == [math.pi]')).to.deep.equal(['(1, True)']);
    const emptied = await tools.call('restart_kernel', {});
    expect(emptied).to.include({ restarted: true, preserve_state: false, restored_vars: 0 });
    expect((await run('x')).stderr).to.match(/NameError: name 'x' is not defined\n$/);
    expect((await tools.call('list_files', {})).files).to.include('held');
  });

  it('K-18: health has the process and its use of the machine, and nothing of one that is dead', async () => {
    await run('big = bytearray(200_000_000)');
    const well = await tools.call('get_kernel_health', {});
    expect(well).to.include({ status: 'healthy', session_id: 'default', execution_count: 1 });
    for (const name of ['pid', 'memory_usage', 'num_threads', 'uptime'])
      expect(well[name], name).to.be.greaterThan(0);
    expect(well.memory_usage).to.be.greaterThan(150_000_000);
    expect(well.cpu_percent).to.be.at.least(0);
    expect(await resultsOf('__import__("os").getpid()')).to.deep.equal([String(well.pid)]);
    // The first death is followed by a rebuild at once, the second one by the next use.
    for (let times = 0; times < 2; times += 1)
      expect(await codeOf(tools.session.execute('__import__("os")._exit(9)'))).to.equal('kernel_died');
    const nothing = { pid: null, memory_usage: null, cpu_percent: null, num_threads: null, uptime: null };
    const dead = await tools.call('get_kernel_health', {});
    expect(dead).to.include({ ...nothing, status: 'dead', error: 'The kernel ended with exit code 9.' });
  });

  it('K-19: a session answers in time, and not while its code is in a busy loop', async () => {
    const idle = await tools.call('check_kernel_responsiveness', {});
    expect(idle).to.include({ responsive: true, timeout: 5 });
    expect(idle.response_time).to.be.within(0, 5);
    const done = run(`print('ready', flush=True)\nwhile True: pass`);
    await nextEvent(tools.session, 'stdout');
    const busy = await tools.call('check_kernel_responsiveness', { timeout: 0.5 });
    expect(busy).to.include({ responsive: false, timeout: 0.5 });
    expect(busy.response_time).to.be.at.least(0.49);
    await tools.session.interrupt();
    expect((await done).stderr).to.match(/KeyboardInterrupt/);
    expect(await tools.call('check_kernel_responsiveness', {})).to.include({ responsive: true });
  });

  /** As users write it: all but the default session that are older and larger than that are deleted. */
  const cleanUp = async (age: number, bytes: number): Promise<string[]> => {
    const { sessions } = listSchema.parse(await tools.call('list_sessions', {}));
    for (const session_id of Object.keys(sessions)) {
      if (session_id === 'default') continue;
      await tools.call('switch_session', { session_id });
      const health = healthSchema.parse(await tools.call('get_kernel_health', {}));
      if ((health.uptime ?? 0) > age && (health.memory_usage ?? 0) > bytes)
        await tools.call('delete_session', { session_id });
    }
    return Object.keys(listSchema.parse(await tools.call('list_sessions', {})).sessions).sort();
  };

  it('K-20: idle sessions are found by their age and memory, and deleted', async () => {
    await run('big = bytearray(200_000_000)');
    for (const session_id of ['large', 'small']) {
      await tools.call('create_session', { session_id });
      await tools.call('switch_session', { session_id });
      await run(`x = bytearray(${session_id === 'large' ? 400_000_000 : 1})`);
    }
    expect(await cleanUp(3600, 500 * 1024 ** 2)).to.deep.equal(['default', 'large', 'small']);
    expect(await cleanUp(0, 150_000_000)).to.deep.equal(['default', 'small']);
    await tools.call('switch_session', { session_id: 'small' });
    expect(await resultsOf('len(x)')).to.deep.equal(['1']);
  });

  it('K-28: ping and the folders of the workspace are told under all their names', async () => {
    const pong = await tools.call('ping', {});
    expect(pong).to.include({ ok: true, status: 'pong' });
    expect(new Date(String(pong.timestamp)).toISOString()).to.equal(pong.timestamp);
    const info = infoSchema.parse(await tools.call('get_workspace_info', {}));
    const workspace = info.workspace ?? '';
    expect(await resultsOf('import os; os.getcwd()')).to.deep.equal([`'${workspace}'`]);
    expect(info.workspace_dir).to.equal(workspace);
    for (const name of ['scripts', 'outputs', 'uploads']) {
      expect([info[name], info[`${name}_dir`]]).to.deep.equal(Array(2).fill(`${workspace}/${name}`));
      expect(await resultsOf(`os.path.isdir('${info[name]}')`)).to.deep.equal(['True']);
    }
  });
});

describe('packages of kernel tools', function () {
  this.timeout(120_000);

  before(async function () {
    await needs.python(this);
    await needs.pythonModule(this, 'pip');
    needs.linux(this);
  });

  const tabulate = { packages: ['tabulate==0.9.0'] };

  it('K-21: are installed and can be imported where there is an index, and none is an error', async () => {
    const house = await wheelhouse([
      { name: 'tabulate', version: '0.9.0', files: { 'tabulate.py': `__version__ = '0.9.0'` } },
    ]);
    const server = await openPythonClient({ packages: { find_links: [house] } });
    const tools = await KernelTools.open(server.client);
    expect(await tools.call('install_dependencies', tabulate)).to.include({ returncode: 0 });
    const code = 'import tabulate; tabulate.__version__';
    expect((await tools.call('run_python_code', { code })).results).to.deep.equal([`'0.9.0'`]);
    const none: unknown = await tools
      .call('install_dependencies', { packages: [] })
      .catch((error: unknown) => error);
    expect(none).to.have.property('message', 'No packages provided for installation');
    await server.close();
  });

  it('K-21: are not installed where no index is reached, and the answer says why', async () => {
    const server = await openPythonClient({ packages: { index_url: 'http://127.0.0.1:9/simple/' } });
    const tools = await KernelTools.open(server.client);
    const answer = await tools.call('install_dependencies', tabulate);
    expect(answer.returncode).to.be.greaterThan(0);
    expect(answer.stderr)
      .to.match(/Connection refused/)
      .and.match(/tabulate==0\.9\.0/);
    await server.close();
  });
});
