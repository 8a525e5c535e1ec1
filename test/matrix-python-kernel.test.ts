/** The acceptance rows K-01 to K-09 and K-30: sessions of kernel tools, in process and over REST. */
import { expect } from 'chai';
import { z } from 'zod';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import type { ICaller } from '../src/types/client.js';
import { KernelTools } from './support/kernel-tools.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { doors } from './support/server-doors.js';
import { journal } from './support/session-words.js';

const listSchema = z.object({
  sessions: z.record(
    z.string(),
    z.object({ active: z.boolean(), current: z.boolean(), description: z.string() }),
  ),
  active_session: z.string(),
  total_sessions: z.number(),
});

const experiments = ['linear_model', 'random_forest', 'gradient_boost', 'neural_net'];

/** One call of every tool that answers on a fresh session. */
const calls: readonly (readonly [string, Record<string, unknown>])[] = [
  ['ping', {}],
  ['get_workspace_info', {}],
  ['run_python_code', { code: '1' }],
  ['code_completion', { code: 'impor', cursor_pos: 5 }],
  ['inspect_object', { code: 'print', cursor_pos: 3 }],
  ['list_variables', {}],
  ['write_file', { path: 'a.txt', content: 'a' }],
  ['read_file', { path: 'a.txt' }],
  ['list_files', {}],
  ['delete_file', { filename: 'a.txt' }],
  ['save_script', { name: 's', content: '' }],
  ['run_script', { path: 'scripts/s.py' }],
  ['get_kernel_health', {}],
  ['check_kernel_responsiveness', {}],
  ['restart_kernel', {}],
  ['create_session', { session_id: 'a' }],
  ['switch_session', { session_id: 'a' }],
  ['list_sessions', {}],
  ['delete_session', { session_id: 'a' }],
];

for (const door of doors) {
  describe(`sessions of kernel tools ${door.name}`, () => {
    let server: RunningServer;
    let callers: ICaller[];
    let tools: KernelTools;

    /** A client of its own. */
    const connect = () => {
      const caller = door.open(server);
      callers.push(caller);
      return KernelTools.open(new Sojourn(caller));
    };

    before(function () {
      return needs.python(this);
    });
    beforeEach(async () => {
      callers = [];
      server = await openServer();
      tools = await connect();
    });
    afterEach(async () => {
      for (const caller of callers) await caller.dispose();
      await server.dispose();
    });

    const refusal = (tool: string, args: Record<string, unknown>) =>
      tools.call(tool, args).then(
        () => 'none',
        (error: unknown) => (error instanceof Error ? error.message : 'odd'),
      );
    const list = async (by = tools) => listSchema.parse(await by.call('list_sessions', {}));
    const switchTo = (session_id: string, by = tools) => by.call('switch_session', { session_id });
    const print = async (code: string, by = tools) =>
      (await by.call('run_python_code', { code: `print(${code})` })).stdout;
    const runIn = async (session_id: string, code: string) => {
      await switchTo(session_id);
      return (await tools.call('run_python_code', { code })).stdout;
    };

    it('K-01: each of the 20 recorded tools is there, made of operations', async () => {
      for (const [tool, args] of calls) expect(await refusal(tool, args), tool).to.equal('none');
      expect(await refusal('install_dependencies', { packages: [] })).to.match(/^No packages provided/);
      expect(tools.names).to.deep.equal([...calls.map(([tool]) => tool), 'install_dependencies'].sort());
      expect(tools.names).to.have.length(20);
    });

    it('K-02: a session is created with a description, once, and gets an id where none is given', async () => {
      const args = { session_id: 'ml', description: 'd' };
      for (let times = 0; times < 2; times += 1)
        expect(await tools.call('create_session', args)).to.include({ ...args, status: 'created' });
      expect(await tools.call('create_session', {})).to.include({ session_id: 'session_1' });
      expect(Object.keys((await list()).sessions).sort()).to.deep.equal(['default', 'ml', 'session_1']);
      expect((await journal(tools.session)).filter(({ type }) => type === 'created')).to.have.length(1);
    });

    it('K-03: sessions are listed by id, each with its description, beside the active one', async () => {
      await tools.call('create_session', { session_id: 'ml', description: 'd' });
      expect(await list()).to.deep.equal({
        sessions: {
          default: { active: true, current: true, description: '' },
          ml: { active: true, current: false, description: 'd' },
        },
        active_session: 'default',
        total_sessions: 2,
      });
    });

    it('K-04: a session is switched to, unless it is not there', async () => {
      await tools.call('create_session', { session_id: 'ml' });
      const switched = { previous_session: 'default', current_session: 'ml', status: 'switched' };
      expect(await switchTo('ml')).to.include(switched);
      const missing = "Failed to switch session: Session 'X' does not exist";
      expect(await refusal('switch_session', { session_id: 'X' })).to.equal(missing);
      expect((await list()).active_session).to.equal('ml');
    });

    it('K-05: a session is deleted, the active one makes way for the default, which stays', async () => {
      for (const session_id of ['a', 'b']) await tools.call('create_session', { session_id });
      await switchTo('a');
      const deleted = { status: 'deleted', was_active: false };
      expect(await tools.call('delete_session', { session_id: 'b' })).to.include(deleted);
      const active = { status: 'deleted', was_active: true, new_active_session: 'default' };
      expect(await tools.call('delete_session', { session_id: 'a' })).to.include(active);
      expect(Object.keys((await list()).sessions)).to.deep.equal(['default']);
      const words = 'Failed to delete session: Cannot delete the default session';
      expect(await refusal('delete_session', { session_id: 'default' })).to.equal(words);
      expect(await print('1')).to.equal('1\n');
    });

    it('K-06: neither names nor modules of one session are in another', async () => {
      for (const session_id of ['A', 'B']) await tools.call('create_session', { session_id });
      await runIn(
        'A',
        `x = 100\nimport json, types, sys\njson.mark = 1\nsys.modules['own'] = types.ModuleType('own')`,
      );
      expect(await runIn('B', `print('x' in globals())`)).to.equal('False\n');
      const modules = `import json, sys\nprint(hasattr(json, 'mark'), 'own' in sys.modules)`;
      expect(await runIn('B', modules)).to.equal('False False\n');
      expect(await runIn('A', modules)).to.equal('True True\n');
    });

    it('K-07: the state of a session is there again after others were used', async () => {
      const tell = `print(f'value={value}, counter={counter}')`;
      for (const session_id of ['A', 'B']) await tools.call('create_session', { session_id });
      await runIn('A', `value = 'A'\ncounter = 100`);
      await runIn('B', `value = 'B'\ncounter = 200`);
      expect(await runIn('A', tell)).to.equal('value=A, counter=100\n');
      expect(await runIn('B', tell)).to.equal('value=B, counter=200\n');
    });

    it('K-08: a file written by a relative path goes to another session by two calls, and not by itself', async () => {
      for (const session_id of ['A', 'B']) await tools.call('create_session', { session_id });
      await runIn('A', `with open('outputs/c.csv', 'w') as f: print('a,b', 'é,2', sep='\\n', file=f)`);
      const there = `import os; print(os.path.exists('outputs/c.csv'))`;
      expect(await runIn('B', there)).to.equal('False\n');
      await switchTo('A');
      const { text } = await tools.call('read_file', { path: 'outputs/c.csv' });
      await switchTo('B');
      await tools.call('write_file', { path: 'outputs/c.csv', content: text });
      expect(await runIn('B', `print(open('outputs/c.csv').read())`)).to.equal('a,b\né,2\n\n');
    });

    it('K-09: six sessions are there at once, and run at once', async () => {
      const ids = [...experiments, 'results_analysis'];
      const made = ids.map((session_id) => tools.call('create_session', { session_id }));
      expect((await Promise.all(made)).map(({ status }) => status)).to.deep.equal(ids.map(() => 'created'));
      const sojourn = new Sojourn(door.open(server));
      const all = ['default', ...ids].map((id) => sojourn.session(id));
      // Each waits until all of them run.
      const running = all.map((session) => session.execute(`name = input()\nprint(name)`));
      for (const session of all) {
        for await (const event of session.events()) if (event.type === 'input_request') break;
      }
      for (const session of all) await session.replyInput(session.id);
      const shown = (await Promise.all(running)).map(({ stdout }) => stdout);
      expect(shown).to.deep.equal(all.map(({ id }) => `${id}\n`));
      expect(await list()).to.include({ total_sessions: 6 });
      await sojourn.close();
    });

    it('K-30: two clients have each their own active session', async () => {
      const other = await connect();
      await tools.call('create_session', { session_id: 'A' });
      await switchTo('A');
      await tools.call('run_python_code', { code: 'x = 1' });
      expect([(await list()).active_session, (await list(other)).active_session]).to.deep.equal([
        'A',
        'default',
      ]);
      expect(await print(`'x' in globals()`, other)).to.equal('False\n');
      await switchTo('A', other);
      await switchTo('default');
      expect(await print('x', other)).to.equal('1\n');
      expect(await print(`'x' in globals()`)).to.equal('False\n');
    });
  });
}
