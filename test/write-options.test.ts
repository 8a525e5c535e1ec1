/** Which options writes take, that those they take are honoured, and that the others are refused. */
import { expect } from 'chai';
import { openApiDocument } from '../src/api/openapi.js';
import { isSojournError } from '../src/types/errors.js';
import type { ISession } from '../src/types/client.js';
import { codeOf, counter, total } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

/** Beside `idempotency_key`; engines' own operations take all. */
const taken: Record<string, string[]> = {
  annotate: [],
  checkpoint: ['if_seq', 'if_epoch'],
  clear: ['on_busy', 'if_seq', 'if_epoch'],
  create_session: [],
  delete_file: ['on_busy', 'if_seq', 'if_epoch'],
  delete_session: ['if_seq', 'if_epoch'],
  execute: ['on_busy', 'if_seq', 'if_epoch', 'wait_s'],
  fork: ['if_seq', 'if_epoch'],
  get_prometheus_metrics: [],
  goto: ['on_busy', 'if_seq', 'if_epoch', 'wait_s'],
  hibernate: ['if_seq', 'if_epoch'],
  import_annotations: [],
  interrupt: [],
  keep_alive: [],
  prune_checkpoints: [],
  redo: ['on_busy', 'if_seq', 'if_epoch', 'wait_s'],
  remove_annotation: [],
  reply_input: [],
  restart: ['if_seq', 'if_epoch'],
  revoke_share: [],
  run_once: [],
  save: ['if_seq', 'if_epoch'],
  save_script: ['on_busy', 'if_seq', 'if_epoch'],
  share: [],
  undo: ['on_busy', 'if_seq', 'if_epoch', 'wait_s'],
  update_session: ['if_seq', 'if_epoch'],
  upload_file: ['on_busy', 'if_seq', 'if_epoch'],
  write_file: ['on_busy', 'if_seq', 'if_epoch'],
};
const values = { on_busy: 'reject', wait_s: 1, if_seq: 0, if_epoch: 99 };

/** Writes that concern the session as a whole, with parameters that would do. */
const whole: Record<string, Record<string, unknown>> = {
  update_session: { name: 'other' },
  save: {},
  checkpoint: { label: 'here' },
  fork: { new_session_id: 'fork' },
  hibernate: {},
  restart: {},
  delete_session: {},
};

describe('options of writes', () => {
  let world: World;
  let session: ISession;
  beforeEach(async () => {
    world = await openWorld();
    session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 4');
  });
  afterEach(() => world.close());

  it('are those that each operation says it takes', () => {
    const writes = world.catalogue.list().filter(({ access }) => access !== 'read');
    const declared = writes.map(({ name, takes = [] }) => [name, [...takes]]);
    expect(Object.fromEntries(declared)).to.deep.equal(taken);
  });

  for (const [name, keys] of Object.entries(taken)) {
    const refused = Object.entries(values).filter(([key]) => !keys.includes(key));
    for (const [key, value] of refused) {
      it(`${key} is refused by ${name}, which does not honour it`, async () => {
        const place = ['create_session', 'get_prometheus_metrics', 'run_once'].includes(name)
          ? {}
          : { session_id: 'a' };
        const call = world.client.call(name, { ...place, ...whole[name], [key]: value });
        const error: unknown = await call.then(
          () => null,
          (thrown: unknown) => thrown,
        );
        expect(isSojournError(error, 'invalid_params') && error.detail).to.include(key);
        expect(await total(session)).to.equal(4);
      });
    }
  }

  for (const [name, params] of Object.entries(whole)) {
    for (const asleep of [false, true]) {
      it(`hold ${name} of a session that is ${asleep ? 'asleep' : 'live'} to its conditions`, async () => {
        const { headSeq } = await session.info();
        await session.execute('add 1');
        const { epoch, headSeq: head } = asleep ? await session.hibernate() : await session.info();
        const ask = (conditions: object) => codeOf(session.call(name, { ...params, ...conditions }));
        expect(await ask({ if_epoch: epoch + 7 })).to.equal('epoch_mismatch');
        expect(await ask({ if_seq: headSeq })).to.equal('conflict');
        expect(await ask({ if_seq: head + 1000 })).to.equal('conflict');
        expect(await total(session)).to.equal(5);
        const now = await session.info();
        expect(await ask({ if_epoch: now.epoch, if_seq: now.headSeq })).to.equal('none');
      });
    }
  }

  it('let a mere rebuild pass for a session that sleeps: it is no write', async () => {
    const { headSeq } = await session.info();
    await session.restart({ keepState: true });
    await session.hibernate();
    expect((await session.info()).headSeq).to.be.greaterThan(headSeq);
    expect(await codeOf(session.call('delete_session', { if_seq: headSeq }))).to.equal('none');
  });

  it('leave what runs alone when a restart is refused', async () => {
    const hanging = session.execute('hang');
    for await (const event of session.events()) if (event.type === 'stdout') break;
    expect(await codeOf(session.call('restart', { if_epoch: 99 }))).to.equal('epoch_mismatch');
    expect((await session.info()).status).to.equal('busy');
    await session.interrupt();
    expect((await hanging).status).to.equal('interrupted');
  });

  it('stand in the description of each operation as far as it takes them', () => {
    const { paths } = openApiDocument(world.catalogue, '1') as { paths: Record<string, object> };
    const described = (path: string) => JSON.stringify(paths[path]);
    expect(described('/api/sessions/{id}/execute')).to.include('wait_s').and.include('If-Match');
    expect(described('/api/sessions/{id}/restart')).to.include('if_epoch').and.include('If-Match');
    expect(described('/api/sessions/{id}/restart')).not.to.match(/wait_s|on_busy/);
    expect(described('/api/sessions/{id}/interrupt')).not.to.match(/wait_s|on_busy|if_epoch|If-Match/);
    expect(JSON.stringify(Reflect.get(paths['/api/sessions/{id}'] ?? {}, 'delete'))).to.include('if_epoch');
  });
});
