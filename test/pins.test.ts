import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { settingPaths } from '../src/core/config.js';
import { errorTable } from '../src/types/errors.js';
import { eventBodySchema, sessionEventSchema } from '../src/types/events.js';
import { executeResultSchema, sessionMetadataSchema, writeReceiptSchema } from '../src/types/session.js';
import { openWorld } from './support/world.js';

/** What others rely on. A red pin asks: was this intended? Then it is changed together with the changelog. */

const errorPins: Record<string, [number, number]> = {
  invalid_params: [400, -32602],
  invalid_json: [400, -32700],
  unauthorized: [401, -32001],
  forbidden: [403, -32002],
  session_not_found: [404, -32010],
  operation_not_found: [404, -32601],
  checkpoint_not_found: [404, -32011],
  snapshot_not_found: [404, -32012],
  file_not_found: [404, -32013],
  variable_not_found: [404, -32014],
  execution_not_found: [404, -32015],
  column_not_found: [404, -32017],
  index_not_found: [404, -32018],
  range_not_satisfiable: [416, -32016],
  session_exists: [409, -32020],
  session_busy: [409, -32021],
  conflict: [409, -32022],
  epoch_mismatch: [409, -32023],
  session_locked: [423, -32024],
  limit_exceeded: [429, -32030],
  payload_too_large: [413, -32031],
  rate_limited: [429, -32032],
  interface_invalid: [422, -32040],
  data_error: [422, -32041],
  code_rejected: [422, -32042],
  not_supported: [422, -32043],
  kernel_died: [502, -32050],
  engine_unavailable: [503, -32051],
  agent_not_configured: [503, -32052],
  storage_error: [503, -32053],
  closed: [503, -32054],
  timeout: [504, -32060],
  internal: [500, -32603],
};

const eventTypes = [
  'clear_output',
  'created',
  'display',
  'epoch',
  'execute_result',
  'forked',
  'input',
  'input_reply',
  'input_request',
  'progress',
  'result',
  'share',
  'stderr',
  'stdout',
  'truncated',
];

const operations = [
  'annotate',
  'attach',
  'check_code',
  'check_responsiveness',
  'checkpoint',
  'clear',
  'create_session',
  'delete_file',
  'delete_session',
  'detach',
  'diff',
  'download_file',
  'execute',
  'export_annotations',
  'find_checkpoints',
  'fork',
  'get_events',
  'get_execution',
  'get_history',
  'get_metrics',
  'get_output',
  'get_prometheus_metrics',
  'get_server_metrics',
  'get_session',
  'get_total',
  'get_trace',
  'goto',
  'health',
  'hibernate',
  'import_annotations',
  'interrupt',
  'keep_alive',
  'list_checkpoint_tags',
  'list_clients',
  'list_files',
  'list_sessions',
  'list_shares',
  'ping',
  'prune_checkpoints',
  'read_file',
  'redo',
  'remove_annotation',
  'reply_input',
  'restart',
  'revoke_share',
  'run_once',
  'save',
  'save_script',
  'share',
  'status',
  'timeline',
  'undo',
  'update_session',
  'upload_file',
  'write_file',
];

describe('the surface that others rely on', () => {
  it('has these error codes with these numbers', () => {
    const table = Object.fromEntries(
      Object.entries(errorTable).map(([code, { http, rpc }]) => [code, [http, rpc]]),
    );
    expect(table).to.deep.equal(errorPins);
  });

  it('is documented: every code and every event type, and no other', async () => {
    const page = await readFile(new URL('../docs/protocol-v1.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d{3}) \| (-\d+) \| (yes|no) \|$/gm)];
    const documented = rows.map(([, code, http, rpc, again]) => [
      code,
      Number(http),
      Number(rpc),
      again === 'yes',
    ]);
    const table = Object.entries(errorTable).map(([code, { http, rpc, retryable }]) => [
      code,
      http,
      rpc,
      retryable,
    ]);
    expect(documented).to.deep.equal(table);
    const events = page.slice(page.indexOf('## Events'), page.indexOf('`status` is'));
    const types = [...events.matchAll(/^\| (`\w+`(?: · `\w+`)?) \|/gm)].flatMap(
      ([, cell = '']) => cell.match(/\w+/g) ?? [],
    );
    expect(types.sort()).to.deep.equal(eventTypes);
  });

  it('gives every error a JSON-RPC code of its own', () => {
    const codes = Object.values(errorTable).map(({ rpc }) => rpc);
    expect(new Set(codes).size).to.equal(codes.length);
  });

  it('has these event types', () => {
    const types = eventBodySchema.options.flatMap((option) => [...option.shape.type.values]);
    expect(types.sort()).to.deep.equal(eventTypes);
  });

  it('has these operations, each of which a transport can reach', async () => {
    const world = await openWorld();
    expect(world.catalogue.list().map(({ name }) => name)).to.deep.equal(operations);
    const unreachable = world.catalogue
      .list()
      .filter(({ scope, http }) => scope === 'server' && (http ?? []).length === 0);
    expect(unreachable).to.deep.equal([]);
    await world.close();
  });

  it('has these exports', async () => {
    expect(Object.keys(await import('../src/index.js')).sort()).to.deep.equal([
      'SojournError',
      'createSojourn',
      'defineEngine',
      'defineEngineOperation',
      'defineStore',
      'errorTable',
      'isSojournError',
      'version',
    ]);
    expect(Object.keys(await import('../src/client/index.js')).sort()).to.deep.equal([
      'SojournClient',
      'SojournError',
      'isSojournError',
    ]);
    expect(Object.keys(await import('../src/contracts/index.js')).sort()).to.deep.equal([
      'describeEngineContract',
      'describeStoreContract',
      'describeTransportContract',
    ]);
  });

  it('has these settings, which others rely on', () => {
    const settings = settingPaths().map((path) => path.join('.'));
    const promised = [
      'python.executable',
      'python.preload',
      'python.policy',
      'pool.max_live_sessions',
      'durability',
      'transports',
      'plugins',
    ];
    expect(settings).to.include.members(promised);
  });
});

describe('the wire, version 1', () => {
  /** The schema of a fixture, told by the first part of its name. */
  const schemas: Record<string, z.ZodType> = {
    event: sessionEventSchema,
    metadata: sessionMetadataSchema,
    'execute-result': executeResultSchema,
    receipt: writeReceiptSchema,
    problem: z
      .object({ code: z.enum(Object.keys(errorTable)), status: z.number(), detail: z.string() })
      .loose(),
  };
  const folder = new URL('./fixtures/wire-v1/', import.meta.url);

  it('reads every message that was ever written, and writes it the same', async () => {
    const seen: string[] = [];
    for (const name of await readdir(folder)) {
      const kind = Object.keys(schemas).find((prefix) => name.startsWith(`${prefix}.`));
      expect(kind, `${name} has a schema`).to.be.a('string');
      const message: unknown = JSON.parse(await readFile(new URL(name, folder), 'utf8'));
      expect(schemas[kind ?? '']?.parse(message), name).to.deep.equal(message);
      seen.push(name);
    }
    for (const type of eventTypes)
      expect(
        seen.some((name) => name.startsWith(`event.${type}.`)),
        type,
      ).to.equal(true);
    for (const kind of Object.keys(schemas))
      expect(
        seen.some((name) => name.startsWith(`${kind}.`)),
        kind,
      ).to.equal(true);
  });
});
