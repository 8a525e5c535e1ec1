/**
 * Where dialects are mounted: /compat/NAME, and ports of their own. What comes below a mount is answered by its
 * dialect alone, errors included, so that no client ever meets the shape of another system.
 */
import type { Request, Response } from 'express';
import type { Dialect, DialectAnswer, DialectRequest } from '../../types/dialect.js';
import type { ICatalogue } from '../../types/operation.js';
import type { ILog } from '../../types/ports.js';
import type { RequestFacts } from '../rest-router.js';

const root = '/compat/';

export interface Mount {
  readonly dialect: Dialect;
  /** Path and query below the mount, as they were sent. */
  readonly target: string;
}

export interface MountServices {
  readonly catalogue: ICatalogue;
  readonly log: ILog;
  facts(response: Response): RequestFacts;
  /** Reads and parses the body. */
  readJson(request: Request, response: Response): Promise<void>;
}

export class Mounts {
  private readonly dialects: ReadonlyMap<string, Dialect>;

  constructor(dialects: readonly Dialect[]) {
    this.dialects = new Map(dialects.map((dialect) => [dialect.name, dialect]));
  }

  get paths(): string[] {
    return [...this.dialects.keys()].map((name) => root + name);
  }

  /** The mount that an address lies below. */
  find(url: string): Mount | undefined {
    if (!url.startsWith(root)) return undefined;
    const [, name = '', rest = ''] = /^([a-z0-9-]+)(.*)$/s.exec(url.slice(root.length)) ?? [];
    const dialect = this.dialects.get(name);
    if (!dialect || !/^([/?]|$)/.test(rest)) return undefined;
    return { dialect, target: rest.startsWith('/') ? rest : `/${rest}` };
  }

  async serve(
    { dialect, target }: Mount,
    request: Request,
    response: Response,
    services: MountServices,
  ): Promise<void> {
    const { requestId: request_id, principal, signal, wire } = services.facts(response);
    const call = (operation: string, params: Readonly<Record<string, unknown>>) =>
      services.catalogue.call(operation, params, { principal, request_id, signal, wire });
    const readBody = async (): Promise<unknown> => {
      await services.readJson(request, response);
      const body: unknown = request.body;
      return body === undefined ? {} : body;
    };
    const asked: DialectRequest = { method: request.method, target, principal, readBody };
    send(await dialect.answer(asked, call), response, services.log);
  }
}

/** Says an answer of a dialect; what nobody expected goes to the log. */
export function send(answer: DialectAnswer, response: Response, log: ILog): void {
  const { status, type, text, failure } = answer;
  if (failure !== undefined) log.error({ err: failure, status }, 'a request to a dialect failed');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = status;
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}
