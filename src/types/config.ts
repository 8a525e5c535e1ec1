/**
 * Every setting, once: name, unit, default, bounds and meaning. The file, the environment (`SOJOURN_` + the path in
 * capitals) and the flags are checked against this schema, and the documentation is printed from it.
 */
import { z } from 'zod';
import { checkpointPolicySchema } from './checkpoint-policy.js';
import { durabilitySchema, recoverySchema } from './session.js';

const seconds = (description: string) => z.number().min(0).max(1e9).describe(description);
const count = (description: string, min = 1) => z.number().int().min(min).max(1e9).describe(description);
const bytes = (description: string) => z.number().int().min(1).max(1e12).describe(description);

const addressSchema = z.string().regex(/^https?:\/\/[!-~]+$/, 'must be an http or https address');

export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address to listen on.'),
  port: z.number().int().min(0).max(65_535).default(8765).describe('0 = any free port.'),
  data_dir: z
    .string()
    .min(1)
    .optional()
    .describe('Where sessions live; default $XDG_DATA_HOME/sojourn or ~/.local/share/sojourn.'),
  store: z.string().min(1).default('sqlite').describe('sqlite or memory, or the name of a store plugin.'),
  auth: z.enum(['token', 'none']).default('token').describe('none only on a loopback address.'),
  token: z
    .string()
    .min(16)
    .max(512)
    .optional()
    .describe('Fixes the token; made at first start when left out.'),
  allowed_hosts: z.array(z.string()).default([]).describe('Host names accepted beside loopback and `host`.'),
  allowed_origins: z.array(z.string()).default([]).describe('Web origins that may call; none by default.'),
  durability: durabilitySchema
    .default('os')
    .describe('For sessions that do not choose; see docs/durability.md.'),
  transports: z.array(z.string()).default(['rest']).describe('Doors to open.'),
  compat: z
    .strictObject({
      auth: z
        .enum(['token', 'none'])
        .default('token')
        .describe('Below /compat, for clients that can send no token; none only on a loopback address.'),
    })
    .prefault({}),
  listen: z
    .array(z.string().regex(/^\d{1,5}=\/compat\/[a-z0-9-]+$/, 'must be PORT=/compat/NAME'))
    .default([])
    .describe('Further ports whose root is one dialect, for clients with a fixed address.'),
  plugins: z.array(z.string()).default([]).describe('Modules with further engines and stores.'),
  idle_timeout_s: seconds('The server ends after so many seconds without a request; 0 = never.').default(0),
  shutdown_grace_s: seconds('How long requests under way may take to end when the server stops.').default(5),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    })
    .prefault({}),
  monitor: z
    .strictObject({
      slow_operation_ms: z
        .number()
        .int()
        .min(0)
        .max(1e9)
        .default(1000)
        .describe('Calls that take longer are logged, without their parameters; 0 = none.'),
    })
    .prefault({}),
  session: z
    .strictObject({
      timeout_s: seconds('Idle seconds until a session hibernates; 0 = never.').default(3600),
      inactive_after_s: seconds('Idle seconds until lists leave a session out; 0 = never.').default(0),
      expire_after_s: seconds('Idle seconds until a session is deleted; 0 = never.').default(0),
      recovery: recoverySchema
        .default('replay')
        .describe('Run acknowledged inputs again after a crash, or not.'),
    })
    .prefault({}),
  checkpoint: z
    .strictObject({
      interval_ms: z
        .number()
        .int()
        .min(100)
        .max(1e9)
        .default(5000)
        .describe('How often dirty sessions are saved.'),
      replay_cost_ms: z
        .number()
        .min(0)
        .max(1e9)
        .default(10_000)
        .describe('Saved at once when running again what came since would take longer.'),
      replay_inputs: count('Saved at once after this many inputs.').default(2000),
      warm_count: count(
        'Checkpoints of a session whose whole state is kept in memory, so that recovery wakes it; 0 = none.',
        0,
      ).default(2),
      every_writes: checkpointPolicySchema.shape.every_writes.default('auto'),
      before_effects: checkpointPolicySchema.shape.before_effects.default(false),
      kinds: z
        .record(z.string(), checkpointPolicySchema.partial())
        .default({})
        .describe('The same two for single session kinds, by their names.'),
      warm_total_count: count('As many of all sessions; those made first are given up first.').default(64),
    })
    .prefault({}),
  timeline: z
    .strictObject({
      keep_last_count: count(
        'So many of the newest checkpoints of a session stay in any case; of older ones ever fewer. 0 = all stay.',
        0,
      ).default(200),
    })
    .prefault({}),
  pool: z
    .strictObject({
      max_live_sessions: count('Beyond it the least recently used idle session hibernates.').default(500),
      max_memory_bytes: bytes('Memory of all live sessions; beyond it likewise.').default(8 * 1024 ** 3),
    })
    .prefault({}),
  concurrency: z
    .strictObject({
      lease_ttl_s: z
        .number()
        .min(1)
        .max(86_400)
        .default(60)
        .describe(
          'How long a client that was attached and makes no call counts as there, if it asks for no other time.',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      sessions: count('Stored sessions in all.').default(100_000),
      sessions_per_owner: count('Stored sessions of one owner.').default(100_000),
      temporary_sessions: count('Runs without a session at one time.').default(32),
      queue_length: count('Writes that wait in one session.').default(1000),
      client_queue_length: count('Writes of one client that wait in one session.').default(500),
      client_count: count('Clients that may be attached to one session at a time.').default(256),
      share_count: count('Shares of one session that hold at a time.').default(100),
      request_bytes: bytes('Body of one request.').default(32 * 1024 ** 2),
      json_depth: count('Nesting of a JSON body.').default(64),
      json_values: count(
        'Values in a JSON body: a million would keep everybody waiting for seconds.',
      ).default(100_000),
      output_bytes: bytes('Output of one run inside its answer; get_output has all of it.').default(
        1024 ** 2,
      ),
      journal_output_bytes: bytes(
        'Text of one run in the journal, and as much of displays; more text goes to a file beside it.',
      ).default(64 * 1024 ** 2),
      total_output_bytes: bytes('Text of one run that is kept in all; of more only the end.').default(
        256 * 1024 ** 2,
      ),
      variable_bytes: bytes('One stored variable.').default(10 * 1024 ** 2),
      session_bytes: bytes('All stored variables of one checkpoint.').default(100 * 1024 ** 2),
      workspace_bytes: bytes(
        'All files of one workspace: what a checkpoint keeps of it. Code that goes on to write beyond it is interrupted.',
      ).default(2 * 1024 ** 3),
      file_bytes: bytes('One file that is written through the API.').default(1024 ** 3),
      workspace_entries: z
        .number()
        .int()
        .min(1)
        .max(100_000)
        .default(100_000)
        .describe('Files and folders of one workspace, in the same way.'),
    })
    .prefault({}),
  execution: z
    .strictObject({
      timeout_s: seconds('For runs that set none; 0 = no limit.').default(0),
      interrupt_grace_ms: z
        .number()
        .int()
        .min(1)
        .max(600_000)
        .default(2000)
        .describe('Between the rungs of the ladder: signal, terminate, kill.'),
    })
    .prefault({}),
  python: z
    .strictObject({
      executable: z.string().min(1).default('python3').describe('A path, or a name looked up on PATH.'),
      preload: z
        .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_.]*$/))
        .default(['numpy', 'pandas', 'matplotlib.pyplot'])
        .describe('Imported once and shared by all sessions; what is not installed is left out.'),
      spare_kernel_count: z
        .number()
        .int()
        .min(0)
        .max(64)
        .default(2)
        .describe('Kernels that are forked ahead, so that a new session has one at once.'),
      sandbox: z
        .enum(['auto', 'strict', 'workspace', 'off'])
        .default('auto')
        .describe(
          'How sessions are locked in: strict (no network, no programs), workspace (both), off. auto: strict as far as this machine gives it; the others are refused where a lock is missing.',
        ),
      allow_sandbox: z
        .array(z.enum(['strict', 'workspace', 'off']))
        .default(['strict'])
        .describe('What a session may ask for beside the default.'),
      uid_range: z
        .array(z.coerce.number().int().min(1000).max(4_294_967_293))
        .length(2)
        .refine(([first = 0, last = 0]) => first <= last, 'must be the first and the last uid')
        .default([200_000, 265_535])
        .describe('First and last uid that sessions get, one each, when the server is run by root.'),
      read_only_roots: z
        .array(z.string().startsWith('/'))
        .default([])
        .describe('Folders that every session may read.'),
      memory_bytes: bytes('What a process of a session may take; beyond it MemoryError.').default(
        4 * 1024 ** 3,
      ),
      file_bytes: bytes('Largest file that a session may write.').default(1024 ** 3),
      cpu_s: count('Processor time that one process of a session may take in all; 0 = no limit.', 0).default(
        0,
      ),
      process_count: count('Processes and threads of one session, where it has a uid of its own.').default(
        256,
      ),
      policy: z
        .enum(['open', 'restricted'])
        .default('open')
        .describe(
          'Which code sessions run: open = every code, restricted = what the policy lets through. A session may only be stricter.',
        ),
      start_timeout_s: seconds('Until a kernel must have answered for the first time.').default(30),
    })
    .prefault({}),
  data: z
    .strictObject({
      roots: z
        .array(z.string().min(1))
        .optional()
        .describe('Folders whose files may be loaded; default: the one the server was started in.'),
      memory_bytes: bytes('Tables of one data session; what is more goes to its disk.').default(1024 ** 3),
      total_memory_bytes: bytes('Live data sessions together; beyond it no further one is made.').default(
        10_000 * 1024 ** 2,
      ),
      cache_bytes: bytes('Columns that are kept at hand for point reads, of all sessions together.').default(
        512 * 1024 ** 2,
      ),
      sessions: count('Data sessions in all.').default(100),
      join_rows: count('Rows that a join may make.').default(20_000_000),
      page_rows: count('Rows of one answer in JSON; more are read with a cursor.').default(10_000),
      load_timeout_s: seconds('How long loading may take; 0 = no limit.').default(600),
      sql_timeout_s: seconds('How long a statement of `sql` may run.').default(30),
    })
    .prefault({}),
  packages: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Python sessions may install packages. pip has network and starts programs, locked in without any data of a session.',
        ),
      allow: z
        .array(z.string().min(1))
        .default([])
        .describe('Names; when there are any, nothing else is installed, dependencies neither.'),
      deny: z.array(z.string().min(1)).default([]).describe('Names that are never installed.'),
      allow_urls: z
        .boolean()
        .default(false)
        .describe('Requirements may be http, https and git+https addresses.'),
      index_url: addressSchema.optional().describe('Default: PyPI; none when find_links is set.'),
      extra_index_urls: z.array(addressSchema).default([]).describe('Looked into beside index_url.'),
      find_links: z
        .array(z.string().startsWith('/'))
        .default([])
        .describe('Folders with packages; every session may read them.'),
      proxy: addressSchema.optional().describe('The way to the index.'),
    })
    .prefault({}),
});
export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

/** A finished configuration: `data_dir` is set and absolute. */
export type ResolvedConfig = Config & { data_dir: string };

export const IConfig = Symbol.for('sojourn.IConfig');
export interface IConfig extends Readonly<ResolvedConfig> {}
