/**
 * Stands around every call: times it, counts what came of it and of its bytes, and logs it when it was slow. Never
 * looks at parameters beyond the session's id, and never fails a call.
 */
import { errorTable, isSojournError } from '../../types/errors.js';
import type { ErrorCode } from '../../types/errors.js';
import type { AroundCall, AskedCall } from '../../types/extension.js';
import type { Operation, Principal, WireBytes } from '../../types/operation.js';
import type { IClock, ILog } from '../../types/ports.js';
import type { ISessionPool } from '../../types/session.js';
import type { SessionMonitor } from './session-monitor.js';
import type { SessionTally } from './session-tally.js';

export interface CallWatcherServices {
  readonly monitor: SessionMonitor;
  readonly pool: ISessionPool;
  readonly clock: IClock;
  readonly log: ILog;
  /** 0: no call is logged. */
  readonly slowMs: number;
}

/** What calls come by that come over no wire. */
const inProcess = 'in-process';

export class CallWatcher {
  constructor(private readonly services: CallWatcherServices) {}

  readonly around: AroundCall = async (asked, proceed) => {
    const { clock, pool } = this.services;
    const { operation, session_id: id } = asked;
    const foundLive = operation.scope === 'session' && id !== undefined && pool.peek(id) !== undefined;
    const started = clock.monotonic();
    let code: ErrorCode | null = null;
    try {
      return await proceed();
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      this.ended(asked, clock.monotonic() - started, code, foundLive);
    }
  };

  private ended(asked: AskedCall, ms: number, code: ErrorCode | null, foundLive: boolean): void {
    const { monitor, clock } = this.services;
    const { operation, session_id: id, context } = asked;
    const call = { operation, ms, code, at: clock.now() };
    const tally = this.tallyOf(asked, code);
    monitor.server.add(call);
    if (tally && id !== undefined) {
      tally.calls.add(call);
      tally.lastAccessed = call.at;
      if (foundLive) {
        tally.foundLiveCount += 1;
        monitor.foundLiveCount += 1;
      }
      if (code === null && isCommand(operation)) monitor.recordCommandExecution(id, ms);
    }
    const { slowMs } = this.services;
    if (slowMs > 0 && ms > slowMs && operation.waits !== true) this.logSlow(asked, ms, code, tally);
    const transport = monitor.transport(context.wire?.transport ?? inProcess);
    transport.calls += 1;
    context.wire?.onSent((bytes) => {
      transport.receivedBytes += bytes.received;
      transport.sentBytes += bytes.sent;
      this.sent(operation, bytes, tally);
    });
  }

  private sent(operation: Operation, bytes: WireBytes, tally: SessionTally | undefined): void {
    const { monitor, clock } = this.services;
    const at = clock.now();
    monitor.server.addBytes(operation, bytes, at);
    tally?.calls.addBytes(operation, bytes, at);
  }

  /**
   * Of a session that was live since the start. An error may have come before anybody looked whose session it is:
   * what strangers try is not told to its owner.
   */
  private tallyOf(
    { operation, session_id: id, context }: AskedCall,
    code: ErrorCode | null,
  ): SessionTally | undefined {
    if (operation.scope !== 'session' || id === undefined) return undefined;
    const tally = this.services.monitor.find(id);
    return tally && (code === null || owns(context.principal, tally.owner)) ? tally : undefined;
  }

  private logSlow(
    { operation, session_id, context }: AskedCall,
    ms: number,
    code: ErrorCode | null,
    tally: SessionTally | undefined,
  ): void {
    const fields = {
      operation: operation.name,
      // As it was sent it may be anything; of a known session it is its id.
      ...(tally ? { session_id } : {}),
      request_id: context.request_id,
      duration_ms: Math.round(ms * 100) / 100,
      ...(code === null ? {} : { code }),
    };
    this.services.log.info(fields, 'slow operation');
  }
}

export const owns = (principal: Principal, owner: string | null): boolean =>
  principal.access === 'admin' || principal.id === owner;

/** A write that takes its turn in the session, as running code does. */
const isCommand = ({ access, takes = [] }: Operation): boolean =>
  access === 'write' && takes.includes('on_busy');

const codeOf = (error: unknown): ErrorCode =>
  isSojournError(error) && Object.hasOwn(errorTable, error.code) ? error.code : 'internal';
