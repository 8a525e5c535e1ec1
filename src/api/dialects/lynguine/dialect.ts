/**
 * The dialect `lynguine`: its path table. Paths are compared as they were sent, with their query, which this system
 * does not know; whatever comes behind an operation is not looked at.
 */
import type { Dialect, DialectAnswer, DialectCall, DialectRequest } from '../../../types/dialect.js';
import type { IClock, IIds } from '../../../types/ports.js';
import { refusal, valueError } from './answers.js';
import type { Members } from './answers.js';
import { failureOf } from './errors.js';
import { Sessions } from './sessions.js';
import { statelessRoutes } from './stateless.js';
import { Status } from './status.js';
import type { Machine } from './status.js';

export interface LynguineOptions {
  readonly clock: Pick<IClock, 'now' | 'monotonic'>;
  readonly ids: Pick<IIds, 'secret'>;
  readonly machine: Machine;
  /** Seconds without a request after which the server ends; 0 = never. */
  readonly idleTimeoutS: number;
}

const below = '/api/sessions/';

export class LynguineDialect implements Dialect {
  readonly name = 'lynguine';
  private readonly status: Status;
  private readonly sessions: Sessions;
  /** GET and POST alike. */
  private readonly facts: ReadonlyMap<string, (call: DialectCall) => Promise<DialectAnswer>>;

  constructor({ clock, ids, machine, idleTimeoutS }: LynguineOptions) {
    const status = new Status({ clock, machine, idleTimeoutS });
    this.status = status;
    this.sessions = new Sessions(clock, ids);
    this.facts = new Map([
      ['/api/ping', () => this.status.ping()],
      ['/api/health', () => this.status.health()],
      ['/api/status', (call: DialectCall) => this.status.status(call)],
    ]);
  }

  async answer(request: DialectRequest, call: DialectCall): Promise<DialectAnswer> {
    switch (request.method) {
      case 'GET':
        return this.get(request, call);
      case 'POST':
        return this.post(request, call);
      case 'DELETE':
        return this.delete(request, call);
      default:
        return unsupported(request.method);
    }
  }

  refuse(error: unknown): DialectAnswer {
    return refusal(failureOf(error));
  }

  private async get(request: DialectRequest, call: DialectCall): Promise<DialectAnswer> {
    const { target, principal } = request;
    const fact = this.facts.get(target);
    if (fact) return fact(call);
    if (target === '/api/sessions') return this.sessions.list(principal, call);
    if (target.startsWith(below)) return this.session(request, {}, call);
    throw valueError(`GET not supported for: ${target}`, 405);
  }

  /** The body is read first: where it is broken, nothing else matters. */
  private async post(request: DialectRequest, call: DialectCall): Promise<DialectAnswer> {
    const { target } = request;
    const body = membersOf(await request.readBody());
    const fact = this.facts.get(target);
    if (fact) return fact(call);
    const stateless = statelessRoutes.get(target);
    if (stateless) return stateless(body, call);
    if (target === '/api/sessions') return this.sessions.create(body, call);
    if (target.startsWith(below)) return this.session(request, body, call);
    throw valueError(`Unknown endpoint: ${target}`, 404);
  }

  private async delete({ target, principal }: DialectRequest, call: DialectCall): Promise<DialectAnswer> {
    if (!target.startsWith(below)) throw valueError(`DELETE not supported for: ${target}`, 405);
    const [id = ''] = stepsOf(target);
    return this.sessions.delete(id, principal, call);
  }

  private session(
    { target, principal }: DialectRequest,
    body: Members,
    call: DialectCall,
  ): Promise<DialectAnswer> {
    const [id = '', operation] = stepsOf(target);
    if (operation === undefined) return this.sessions.info(id, principal, call);
    return this.sessions.operate({ id, operation }, body, principal, call);
  }
}

const stepsOf = (target: string) => target.slice(below.length).split('/');

function membersOf(body: unknown): Members {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  throw valueError('The request body must be a JSON object.');
}

/** A web page, as this system's own server answers what it has no method for. */
function unsupported(method: string): DialectAnswer {
  const shown = /^[A-Z-]{1,20}$/.test(method) ? method : 'This method';
  const text = `<!DOCTYPE html>\n<title>Not implemented</title>\n<p>${shown} is not supported here.</p>\n`;
  return { status: 501, type: 'text/html; charset=utf-8', text };
}
