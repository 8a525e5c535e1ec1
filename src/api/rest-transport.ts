/**
 * The HTTP server: who may come in, how large a request may be, what is logged of it and how it ends. What can be
 * asked is the catalogue's business.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import compression from 'compression';
import express from 'express';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import { errors, isSojournError, SojournError } from '../types/errors.js';
import type { IConfig } from '../types/config.js';
import type { Dialect } from '../types/dialect.js';
import type { Disposable, IClock, IIds, ILog } from '../types/ports.js';
import type { ITransport, TransportHost } from '../types/operation.js';
import type { IAuthenticator } from '../types/sharing.js';
import { Authenticator, checkOrigin, localPrincipal } from './auth.js';
import { byteBody } from './byte-streams.js';
import { LongRequests } from './client-errors.js';
import { Guests } from './guests.js';
import { listenerServer, parseListener } from './dialects/listeners.js';
import { Mounts, send } from './dialects/mounts.js';
import { jsonShape } from './json-shape.js';
import { openApiDocument } from './openapi.js';
import { toProblem } from './problem.js';
import { restRouter, rootRouter } from './rest-router.js';
import type { RequestFacts, RestOptions } from './rest-router.js';
import { WireMeter } from './wire-meter.js';

export interface RestTransportOptions {
  readonly config: IConfig;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly version: string;
  readonly pid: number;
  /** Null: nobody is asked. */
  readonly token: string | null;
  /** Who know further tokens than that. */
  readonly authenticators?: readonly IAuthenticator[];
  /** Mounted below /compat. */
  readonly dialects?: readonly Dialect[];
  /** Told of every request: `begin` when it comes, what that returns when it is over. */
  readonly activity?: { begin(): () => void };
}

interface Facts extends RequestFacts {
  readonly startedAt: number;
}

export class RestTransport implements ITransport {
  readonly name = 'rest';
  private servers: Server[] = [];
  private readonly longRequests = new LongRequests();
  private readonly wires = new WireMeter(this.name);
  private readonly mounts: Mounts;
  private readonly guests = new Guests();
  private readonly subscriptions: Disposable[] = [];

  constructor(private readonly options: RestTransportOptions) {
    this.mounts = new Mounts(options.dialects ?? []);
  }

  /** Where it listens, once started: http://127.0.0.1:8765. */
  get url(): string {
    const [url] = this.urls;
    if (url === undefined) throw errors.closed('The HTTP server');
    return url;
  }

  /** The same, and behind it where the setting `listen` has it listen, in its order. */
  get urls(): string[] {
    return this.servers.map(urlOf);
  }

  async start(host: TransportHost): Promise<void> {
    const { config } = this.options;
    const listeners = config.listen.map((text) => parseListener(text, this.mounts.paths));
    const application = this.application(host);
    for (const authenticator of this.options.authenticators ?? [])
      this.subscriptions.push(authenticator.onEnded(({ principal }) => this.guests.end(principal)));
    const own = createServer(patience);
    own.on('request', application);
    try {
      await this.open(own, config.port, host.log);
      for (const listener of listeners)
        await this.open(listenerServer(listener, application, patience), listener.port, host.log);
    } catch (error) {
      await this.dispose();
      throw error;
    }
  }

  private async open(server: Server, port: number, log: ILog): Promise<void> {
    const { host } = this.options.config;
    this.longRequests.watch(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
      server.listen(port, host, resolve);
    });
    server.on('error', (error) => log.error({ err: error }, 'the HTTP server failed'));
    this.servers.push(server);
  }

  /** Answers what is under way within the grace time, then cuts the rest. */
  async dispose(): Promise<void> {
    const servers = this.servers.splice(0);
    for (const subscription of this.subscriptions.splice(0)) void subscription.dispose();
    if (servers.length === 0) return;
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const server of servers) server.closeIdleConnections();
    const timer = this.options.clock.setTimer(this.options.config.shutdown_grace_s * 1000, () => {
      for (const server of servers) server.closeAllConnections();
    });
    await Promise.all(closed);
    timer.cancel();
  }

  private application(host: TransportHost): Express {
    const app = express();
    app.disable('x-powered-by');
    app.disable('etag');
    app.set('query parser', false);
    app.use((request, response, next) => this.enter(request, response, next, host.log));
    this.mountDialects(app, host);
    app.use(compression({ threshold: 1024 }));
    app.get('/api/health', (_request, response) => this.health(response));
    const authenticate = this.authenticate({ mounted: false });
    app.use(async (request, response, next) => {
      await authenticate(request, response);
      next();
    });
    app.get('/api/openapi.json', (_request, response) => {
      response
        .type('application/json')
        .end(JSON.stringify(openApiDocument(host.catalogue, this.options.version)));
    });
    const options = { catalogue: host.catalogue, ...this.readers() };
    app.use('/api', restRouter(options));
    app.use(rootRouter(options));
    app.use((request: Request) => {
      throw new SojournError(
        'operation_not_found',
        `No ${request.method} ${request.path} here; /api/openapi.json lists what there is.`,
      );
    });
    app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
      const mount = this.mounts.find(request.originalUrl);
      if (mount) refuse(mount.dialect, error, response, host.log);
      else fail(error, response, host.log);
    });
    return app;
  }

  private mountDialects(app: Express, { catalogue, log }: TransportHost): void {
    const services = { catalogue, log, ...this.readers() };
    const authenticate = this.authenticate({ mounted: true });
    app.use(async (request, response, next) => {
      const mount = this.mounts.find(request.originalUrl);
      if (!mount) {
        next();
        return;
      }
      await authenticate(request, response);
      await this.mounts.serve(mount, request, response, services);
    });
  }

  /** What the router finds out about a request. */
  private readers(): Omit<RestOptions, 'catalogue'> {
    const { config, clock } = this.options;
    const parse: RequestHandler = express.json({
      limit: config.limits.request_bytes,
      strict: false,
      type: () => true,
      verify: (_request, _response, body) => checkShape(body, config),
    });
    return {
      facts: (response) => response.locals.facts as Facts,
      readJson: (request, response) =>
        new Promise((resolve, reject) => {
          parse(request, response, (error: unknown) => {
            if (error === undefined) resolve();
            else reject(error instanceof Error ? error : new Error('the body cannot be read'));
          });
        }),
      readBytes: (request, response) => {
        this.longRequests.add(request);
        response.once('close', () => this.longRequests.remove(request));
        return byteBody(request, clock);
      },
    };
  }

  private enter(request: Request, response: Response, next: NextFunction, log: ILog): void {
    const { ids, clock, config } = this.options;
    const asked = request.get('X-Request-Id');
    const requestId = asked !== undefined && /^[\x21-\x7e]{1,128}$/.test(asked) ? asked : ids.uid();
    const gone = new AbortController();
    const principal = { id: '', access: 'read' as const };
    const ended = this.options.activity?.begin();
    const wire = this.wires.open(request, response);
    const facts: Facts = { requestId, principal, signal: gone.signal, wire, startedAt: clock.monotonic() };
    response.locals.facts = facts;
    response.set({
      'X-Request-Id': requestId,
      'Sojourn-Protocol': '1',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    });
    response.once('close', () => {
      ended?.();
      if (!response.writableFinished) gone.abort();
      const { startedAt } = response.locals.facts as Facts;
      const duration_ms = Math.round((clock.monotonic() - startedAt) * 100) / 100;
      const fields = {
        request_id: requestId,
        method: request.method,
        path: request.path,
        status: response.statusCode,
      };
      log.debug({ ...fields, duration_ms }, 'request');
    });
    const rules = {
      host: config.host,
      allowedHosts: config.allowed_hosts,
      allowedOrigins: config.allowed_origins,
    };
    checkOrigin(rules, request.get('Host'), request.get('Origin'));
    next();
  }

  /** @param mounted for clients that may know nothing but an address */
  private authenticate({ mounted }: { mounted: boolean }) {
    const { token, config, authenticators } = this.options;
    const authenticator = new Authenticator(token, authenticators);
    const principalOf = async (header: string | undefined) => {
      if (!mounted) return authenticator.authenticate(header);
      // The configuration allows that on loopback only.
      if (config.compat.auth === 'none') return localPrincipal;
      return authenticator.authenticateBasic(header);
    };
    return async (request: Request, response: Response): Promise<void> => {
      const principal = await principalOf(request.get('Authorization'));
      response.locals.facts = { ...(response.locals.facts as Facts), principal };
      if (principal.session_id !== undefined) this.guests.add(principal.id, response);
    };
  }

  private health(response: Response): void {
    const { clock, version, pid } = this.options;
    const timestamp = new Date(clock.now()).toISOString();
    response.json({ status: 'ok', server: 'sojourn', version, timestamp, pid });
  }
}

function checkShape(body: Uint8Array, { limits }: IConfig): void {
  const { depth, values } = jsonShape(body, limits.json_values);
  if (depth > limits.json_depth) {
    const detail = `The JSON body is nested deeper than ${limits.json_depth}; limits.json_depth raises it.`;
    throw new SojournError('invalid_json', detail, { limit: 'json_depth', setting: 'limits.json_depth' });
  }
  if (values > limits.json_values) {
    const detail = `The JSON body has more than ${limits.json_values} values; limits.json_values raises it.`;
    throw new SojournError('payload_too_large', detail, {
      limit: 'json_values',
      setting: 'limits.json_values',
    });
  }
}

/** How long a request may take to come, and a connection to be idle. */
const patience = { requestTimeout: 120_000, headersTimeout: 20_000, keepAliveTimeout: 75_000 };

function urlOf(server: Server): string {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw errors.closed('The HTTP server');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host}:${address.port}`;
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): SojournError {
  const place = `${host}:${port}`;
  const reasons: Record<string, string> = {
    EADDRINUSE: `Port ${port} is already in use; choose another with --port, or --port 0 for any free one.`,
    EACCES: `Listening on ${place} is not permitted; ports below 1024 need privileges, choose another with --port.`,
    EADDRNOTAVAIL: `This machine has no address ${host}; choose another with --host.`,
  };
  const detail = reasons[cause.code ?? ''] ?? `Cannot listen on ${place}: ${cause.message}.`;
  return new SojournError('conflict', detail, { port }, { cause });
}

/** Errors of the body parser and the router, told apart by their type. */
function ownError(error: unknown): unknown {
  if (isSojournError(error) || !(error instanceof Error)) return error;
  const { type, status } = error as { type?: string; status?: number };
  if (type === 'entity.too.large') {
    const detail = 'The body is too large; limits.request_bytes raises the limit.';
    return new SojournError('payload_too_large', detail, {
      limit: 'request_bytes',
      setting: 'limits.request_bytes',
    });
  }
  if (type === 'entity.parse.failed')
    return new SojournError('invalid_json', `The body is not valid JSON: ${error.message}.`);
  if (
    type?.startsWith('encoding.') === true ||
    type?.startsWith('charset.') === true ||
    type?.startsWith('request.') === true
  ) {
    return new SojournError('invalid_json', `The body cannot be read: ${error.message}.`);
  }
  if (error instanceof URIError || status === 400)
    return new SojournError('invalid_params', 'The address is not valid.');
  return error;
}

function refuse(dialect: Dialect, error: unknown, response: Response, log: ILog): void {
  const own = ownError(error);
  if (isSojournError(own, 'unauthorized')) response.set('WWW-Authenticate', 'Bearer realm="sojourn"');
  send(dialect.refuse(own), response, log);
}

function fail(error: unknown, response: Response, log: ILog): void {
  const { requestId } = response.locals.facts as Facts;
  const own = ownError(error);
  const problem = toProblem(own, requestId);
  if (problem.status >= 500)
    log.error({ request_id: requestId, code: problem.code, err: own }, 'a request failed');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer realm="sojourn"');
  response.status(problem.status).type('application/problem+json').end(JSON.stringify(problem));
}
