/**
 * Features above the managers. An extension adds operations to the catalogue, stands around every call and hears what
 * becomes of sessions; nothing below knows it, and without it the rest works as before.
 */
import type { ClientName } from './concurrency.js';
import type { CallContext, Operation } from './operation.js';
import type { Disposable } from './ports.js';
import type { IAuthenticator } from './sharing.js';

/** A call of an operation, before its parameters are checked. */
export interface AskedCall {
  readonly operation: Operation;
  /** As the caller gave it, where it is text at all: it may name no session, or another principal's. */
  readonly session_id: string | undefined;
  /** As the caller gave it, among the parameters or in the context. */
  readonly idempotency_key: string | undefined;
  readonly context: CallContext;
}

/** Stands around a call: it may refuse it, and see what comes of it. `proceed` is called once at most. */
export type AroundCall = (asked: AskedCall, proceed: () => Promise<unknown>) => Promise<unknown>;

export interface Extension extends Disposable {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly around?: AroundCall;
  /** Whom it lets in, beside the holder of the server's own token. */
  readonly authenticator?: IAuthenticator;
  /** Called when the store and the managers are open, before any door. */
  start?(): Promise<void>;
  /** A client whose connection stood for it is gone. */
  clientGone?(client: ClientName): void;
}
