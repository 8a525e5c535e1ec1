import { expect } from 'chai';
import { dialectSessionId as id, iso, LynguineDoor } from './support/lynguine-door.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the lynguine dialect', () => {
  let door: LynguineDoor;
  beforeEach(() => {
    door = new LynguineDoor();
  });

  describe('sessions', () => {
    it('are made as tables that are deleted after their timeout, under a UUID', async () => {
      door.handlers.create_session = ({ session_id }) => door.session({ session_id });
      const { status, json } = await door.ask('POST', '/api/sessions', {
        interface_file: 'a.yml',
        timeout: 120,
      });
      expect(status).to.equal(200);
      const [[, params] = ['', {}]] = door.asked;
      expect(params).to.deep.include({ kind: 'data', interface_file: 'a.yml', directory: '.' });
      expect(params)
        .to.deep.include({ expire_after_s: 120, timeout_s: 0 })
        .and.not.have.property('interface_field');
      expect(params.session_id).to.match(uuid);
      expect(json).to.have.nested.property('session.session_id', params.session_id);
    });

    it('take a directory, a field, a name and an id of their own, and an hour as timeout', async () => {
      door.handlers.create_session = () => door.session();
      const names = { directory: 'd', interface_field: 'f', session_name: 'n', session_id: 'x' };
      await door.ask('POST', '/api/sessions', { interface_file: 'a.yml', ...names });
      const [[, params] = ['', {}]] = door.asked;
      expect(params).to.deep.include({ directory: 'd', interface_field: 'f', name: 'n', session_id: 'x' });
      expect(params.expire_after_s).to.equal(3600);
    });

    it('are described with times in seconds and sizes in megabytes', async () => {
      const now = door.clock.now();
      const used = door.session({
        created_at: iso(now - 10_256),
        last_activity: iso(now - 1234),
        expires_at: null,
      });
      door.handlers.list_sessions = () => ({ sessions: [used], next_cursor: null });
      const { json } = await door.ask('GET', '/api/sessions');
      expect(json).to.deep.equal({
        status: 'success',
        sessions: [
          {
            session_id: id,
            interface_file: 'a.yml',
            directory: '.',
            interface_field: null,
            shape: [4, 2],
            columns: ['age', 'city'],
            memory_mb: 1.24,
            created_time: (now - 10_256) / 1000,
            last_accessed: (now - 1234) / 1000,
            timeout: 0,
            age_seconds: 10.26,
            idle_seconds: 1.23,
          },
        ],
        total_sessions: 1,
        total_memory_mb: 1.24,
      });
    });

    it('are listed from all pages, oldest first, without other kinds, those of others and expired ones', async () => {
      const pages: Record<string, unknown> = {
        first: {
          sessions: [
            door.session({ session_id: 'new' }),
            door.session({ owner: 'somebody' }),
            door.session({ expires_at: iso(door.clock.now()) }),
          ],
          next_cursor: 'second',
        },
        second: {
          sessions: [door.session({ kind: 'python' }), door.session({ session_id: 'old' })],
          next_cursor: null,
        },
      };
      door.handlers.list_sessions = ({ cursor = 'first' }) => pages[String(cursor)];
      const { json } = await door.ask('GET', '/api/sessions');
      expect((json.sessions as { session_id: string }[]).map(({ session_id }) => session_id)).to.deep.equal([
        'old',
        'new',
      ]);
      expect(json.total_sessions).to.equal(2);
    });

    const absent: [string, Record<string, unknown>][] = [
      ['of another kind', { kind: 'python' }],
      ['of somebody else', { owner: 'somebody' }],
      ['that has expired', { expires_at: iso(0) }],
    ];
    for (const [which, given] of absent) {
      it(`are not there when it is one ${which}`, async () => {
        door.handlers.get_session = () => door.session(given);
        for (const said of [
          await door.ask('GET', `/api/sessions/${id}`),
          await door.operate('get_shape'),
          await door.ask('DELETE', `/api/sessions/${id}`),
        ]) {
          expect(said.status).to.equal(404);
          expect(said.json).to.deep.equal({
            status: 'error',
            error_type: 'KeyError',
            error_message: `'Session not found: ${id}'`,
            traceback: '',
          });
        }
        expect(door.asked).to.deep.equal([]);
      });
    }

    it('go on while they work, however long', async () => {
      door.handlers.get_session = () => door.session({ expires_at: iso(0), status: 'busy' });
      door.handlers.get_shape = () => ({ shape: [1, 1] });
      expect((await door.operate('get_shape')).status).to.equal(200);
    });

    it('are deleted with a word', async () => {
      door.handlers.delete_session = () => ({ session_id: id, deleted: true });
      expect((await door.ask('DELETE', `/api/sessions/${id}/whatever`)).json).to.deep.equal({
        status: 'success',
        message: `Session ${id} deleted`,
      });
    });

    it('have no id that the catalogue could not have, and no empty one', async () => {
      for (const bad of ['a%20b', `${id}?x=1`, '..', "it's"]) {
        const said = await door.ask('GET', `/api/sessions/${bad}`);
        expect([said.status, said.json.error_type], bad).to.deep.equal([404, 'KeyError']);
      }
      expect(door.calls).to.deep.equal([]);
      expect((await door.ask('GET', '/api/sessions/')).json.error_message).to.equal('Session ID required');
    });

    it('are used by every read, which is written down now and then, and always when they are looked at', async () => {
      door.handlers.get_index = () => ({ index: 'a' });
      await door.operate('get_index');
      expect(door.calls.map(([name]) => name)).to.deep.equal(['get_session', 'get_index']);
      door.clock.advance(1000);
      await door.operate('get_index');
      await door.ask('GET', `/api/sessions/${id}`);
      expect(door.calls.filter(([name]) => name === 'keep_alive')).to.have.length(2);
    });
  });

  describe('operations', () => {
    it('on the focus answer their one member, and writes nothing', async () => {
      door.handlers.get_index = () => ({ index: 'Ada', other: 1 });
      door.handlers.set_value = () => ({ seq: 1, epoch: 1, durable: true, durable_seq: 1, value: 5 });
      expect((await door.operate('get_index')).json).to.deep.equal({ status: 'success', index: 'Ada' });
      expect((await door.operate('set_value', { value: 0, more: 1 })).json).to.deep.equal({
        status: 'success',
      });
      expect(door.asked.at(-1)).to.deep.equal(['set_value', { value: 0, session_id: id }]);
    });

    it('get_value and get_column read the focus without parameters, the table with them', async () => {
      door.handlers.get_value = ({ index }) => ({ value: index ?? 'focus' });
      door.handlers.get_column = ({ column }) =>
        column === undefined ? { column: 'age' } : { column, values: [1], indices: ['a'], dtype: 'int64' };
      expect((await door.ask('GET', `/api/sessions/${id}/get_value/and/more`)).json.value).to.equal('focus');
      expect((await door.operate('get_value', { index: 'Ada', column: 'age' })).json.value).to.equal('Ada');
      expect((await door.operate('get_column')).json).to.deep.equal({ status: 'success', column: 'age' });
      expect((await door.operate('get_column', { column: 'x' })).json).to.deep.equal({
        status: 'success',
        column: 'x',
        values: [1],
        indices: ['a'],
        dtype: 'int64',
      });
    });

    it('of the plan hand everything on and answer everything but the receipt', async () => {
      door.handlers.sort = () => ({
        column: 'age',
        shape: [4, 2],
        seq: 3,
        epoch: 1,
        durable: true,
        durable_seq: 3,
      });
      const body = { column: 'age', ascending: false, session_id: 'another' };
      expect((await door.operate('sort', body)).json).to.deep.equal({
        status: 'success',
        column: 'age',
        shape: [4, 2],
      });
      expect(door.asked).to.deep.equal([['sort', { column: 'age', ascending: false, session_id: id }]]);
    });

    it('of statistics have two names', async () => {
      door.handlers.stats = () => ({ count: 4 });
      expect((await door.operate('stats', { column: 'age' })).json.count).to.equal(4);
      expect((await door.operate('get_stats', { column: 'age' })).json.count).to.equal(4);
    });

    it('that are not in the table are unknown, also where the catalogue has them', async () => {
      door.handlers.undo = () => ({});
      for (const name of ['undo', 'frobnicate', '', 'constructor', 'get_shape?x=1']) {
        const said = await door.operate(name);
        expect([said.status, said.json.error_message]).to.deep.equal([500, `Unknown operation: ${name}`]);
      }
      expect(door.asked).to.deep.equal([]);
    });
  });

  describe('status', () => {
    const serveStatus = () => {
      door.handlers.status = () => ({ pid: 7, uptime_s: 12, memory_bytes: 250 * 1024 ** 2, more: 1 });
    };
    beforeEach(serveStatus);

    it('tells what the server takes of the machine', async () => {
      door.clock.advance(2000);
      door.cpuSeconds = 1.5;
      const { json } = await door.ask('GET', '/api/status');
      expect(json).to.deep.include({
        pid: 7,
        uptime_seconds: 12,
        memory: { rss_mb: 250, percent: 25 },
        cpu_percent: 25,
      });
      expect(json.idle_timeout).to.deep.equal({ enabled: false });
    });

    it('tells when the server would end', async () => {
      door = new LynguineDoor(300);
      serveStatus();
      expect((await door.ask('POST', '/api/status')).json.idle_timeout).to.deep.equal({
        enabled: true,
        timeout_seconds: 300,
        idle_seconds: 0,
        remaining_seconds: 300,
      });
    });
  });
});
