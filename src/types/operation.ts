/**
 * The operation catalogue: everything a client can ask for, defined once and projected by every transport.
 */
import type { z } from 'zod';
import { z as zod } from 'zod';
import type { ClientName } from './concurrency.js';
import type { AroundCall } from './extension.js';
import type { ByteBody } from './files.js';
import type { Disposable, ILog } from './ports.js';
import type { ISessionInstance } from './session.js';

export type Access = 'read' | 'write' | 'admin';

/** Who asks. The owner's sessions are all that a principal without `admin` ever sees. */
export interface Principal {
  readonly id: string;
  readonly access: Access;
  /** The one session that there is for the holder of a share. */
  readonly session_id?: string;
}

/** How a write wants to be treated; the same keys on every transport. An operation says which of them it takes. */
export const writeOptionsSchema = zod.object({
  on_busy: zod.enum(['enqueue', 'reject', 'interrupt']).optional().describe('While another write runs.'),
  wait_s: zod
    .number()
    .min(0)
    .max(86_400)
    .optional()
    .describe('Answer status "running" with the seq after this many seconds; the work goes on.'),
  if_seq: zod.number().int().min(0).optional().describe('Only if nothing was written after this seq.'),
  if_epoch: zod.number().int().min(0).optional().describe('Only if the live state was not rebuilt since.'),
  idempotency_key: zod
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("A second call with the same key gets the first one's answer."),
});
export type WriteOptions = zod.infer<typeof writeOptionsSchema>;
export type WriteConditions = Pick<WriteOptions, 'if_seq' | 'if_epoch'>;

/** All writes take `idempotency_key`; these only what honours them. */
export type WriteOptionKey = Exclude<keyof WriteOptions, 'idempotency_key'>;
export const conditionKeys = ['if_seq', 'if_epoch'] as const satisfies readonly WriteOptionKey[];
/** Of a write that takes its turn and whose caller waits for its end. */
export const turnKeys = ['on_busy', ...conditionKeys] as const satisfies readonly WriteOptionKey[];
/** Of a write whose answer can be had later by its place in the journal. */
export const journaledKeys = [...turnKeys, 'wait_s'] as const satisfies readonly WriteOptionKey[];

/** What surrounds one call, whatever transport it came by. */
export interface CallContext extends WriteOptions {
  readonly principal: Principal;
  readonly request_id: string;
  /** Names the client that holds or wants a lease. */
  readonly client_id?: string;
  /** Aborts when the client has gone: reads stop, writes that were accepted go on. */
  readonly signal?: AbortSignal;
  /** What it came over; calls within the process have none. */
  readonly wire?: Wire;
  /** For operations with `stream: 'body'` and, where something was sent along, `'optional-body'`. */
  readonly body?: ByteBody;
}

/** What a call came over, and what it moved. */
export interface Wire {
  /** The name of the transport. */
  readonly transport: string;
  /**
   * Calls `listener` when the answer is out, or nobody is there any more to take it. Of several calls that one request
   * makes only the first hears of its bytes.
   */
  onSent(listener: (bytes: WireBytes) => void): void;
}
/** As they were on the wire, with all that the protocol adds. */
export interface WireBytes {
  readonly received: number;
  readonly sent: number;
}

/** A REST address besides `POST /api/sessions/:id/NAME`. Path parameters become fields of `params`. */
export interface HttpAlias {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /**
   * Below /api, or below / with `root`, with `:name` parameters, or `*name` at the end for a path of any length; `:id`
   * is the session.
   */
  readonly path: string;
  /** True where programs of others expect an address that is not below /api. */
  readonly root?: boolean;
  /** Status of success; 200 when left out. 204 sends no body. */
  readonly status?: number;
}

/** Another form of an operation's answer, for transports that can send bytes as they are. */
export interface MediaForm {
  /** The media type that a client accepts to get it. */
  readonly type: string;
  /** Parameters that ask the operation for this form. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The member of the answer that holds it: bytes, at once or as they come, or text in base64, as in JSON. */
  readonly member: string;
  /** True where it is text as it stands, and not bytes in base64. */
  readonly text?: boolean;
}

export interface OperationShape<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  /** snake_case; the same name on every transport. */
  readonly name: string;
  readonly access: Access;
  /** One line of documentation. */
  readonly summary: string;
  readonly params: P;
  readonly result: R;
  readonly http?: readonly HttpAlias[];
  /**
   * `body`: the call carries bytes (`CallContext.body`) beside its parameters. `answer`: it answers with bytes, a
   * `ByteAnswer`, instead of a value. A transport that has no way for bytes leaves such an operation out.
   * `optional-body`: the call may carry bytes, and is complete without them.
   */
  readonly stream?: 'body' | 'answer' | 'optional-body';
  /** Of those that take a body: the parameter that the name of a sent file stands for, where it is not given. */
  readonly fileNameParam?: string;
  readonly media?: MediaForm;
  /** True where the caller lets it wait for something to happen: how long it takes says nothing of the server. */
  readonly waits?: boolean;
  /** Which options of writes it honours, beside `idempotency_key`: it refuses all others. None when left out. */
  readonly takes?: readonly WriteOptionKey[];
  /** True when the handler itself gives a repeated idempotency key the first answer. */
  readonly answersOnce?: boolean;
  /**
   * Whether the holder of a share may ask for it. When left out: operations on their session, as far as the share's
   * mode gives the access, and none on the server.
   */
  readonly shared?: boolean;
  /**
   * Of writes, while another client alone may write. `free`: it is let through, for it leaves the state alone.
   * `running`: it is let through as long as writes that were accepted before go on, for it may be about them.
   */
  readonly lease?: 'free' | 'running';
  /** False where access `read` is enough and something is changed all the same: it is never asked for by GET. */
  readonly safe?: boolean;
}

/** Asks the server, not one session. */
export interface ServerOperation<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> extends OperationShape<P, R> {
  readonly scope: 'server';
  handle(params: z.output<P>, call: CallContext): Promise<z.input<R>>;
}

/** Asks one session, of every kind or of those named. `access: 'write'` lets retries be answered once. */
export interface SessionOperation<
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> extends OperationShape<P, R> {
  readonly scope: 'session';
  readonly kinds?: readonly string[];
  handle(params: z.output<P>, call: SessionCall): Promise<z.input<R>>;
}
export interface SessionCall extends CallContext {
  readonly session_id: string;
  /** Works with the session's instance; repeated from the start if it went to sleep just before `work` began. */
  use<T>(work: (session: ISessionInstance) => Promise<T>): Promise<T>;
}

export type Operation = ServerOperation | SessionOperation;

/** The options of writes that an operation takes among its parameters. */
export const optionKeysOf = ({ access, takes = [] }: Operation): readonly (keyof WriteOptions)[] =>
  access === 'read' ? [] : ['idempotency_key', ...takes];

export const defineServerOperation = <P extends z.ZodType, R extends z.ZodType>(
  operation: Omit<ServerOperation<P, R>, 'scope'>,
): ServerOperation<P, R> => ({ scope: 'server', ...operation });

export const defineSessionOperation = <P extends z.ZodType, R extends z.ZodType>(
  operation: Omit<SessionOperation<P, R>, 'scope'>,
): SessionOperation<P, R> => ({ scope: 'session', ...operation });

export const ICatalogue = Symbol.for('sojourn.ICatalogue');
export interface ICatalogue {
  /** @throws a plain Error when the name is taken or malformed: that is a mistake in the program. */
  register(operation: Operation): void;
  /** Stands around every call from now on; the one that was added first is the outermost. */
  surround(around: AroundCall): void;
  /** Every operation, by name. */
  list(): readonly Operation[];
  find(name: string): Operation | undefined;
  /** @throws operation_not_found, with the name that was probably meant */
  get(name: string): Operation;
  /**
   * Validates, authorises and runs one operation. `params.session_id` names the session for session operations,
   * and the keys of `writeOptionsSchema` that the operation takes may stand among its parameters.
   * @throws SojournError of every code in the table.
   */
  call(name: string, params: unknown, call: CallContext): Promise<unknown>;
}

export const ITransport = Symbol.for('sojourn.ITransport');
/** A door to the catalogue. */
export interface ITransport extends Disposable {
  readonly name: string;
  /** Where it listens, once started, for transports that have addresses. */
  readonly urls?: readonly string[];
  start(host: TransportHost): Promise<void>;
}
export interface TransportHost {
  readonly catalogue: ICatalogue;
  readonly log: ILog;
  /** To be told when the connection of a client that named itself has ended, where a connection stands for a client. */
  clientGone?(client: ClientName): void;
}
