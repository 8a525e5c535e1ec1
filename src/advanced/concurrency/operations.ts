/** What clients say when they come and go, and who sees whom. */
import { z } from 'zod';
import { SojournError } from '../../types/errors.js';
import { accessModeSchema } from '../../types/concurrency.js';
import type { ActiveClient, ClientName } from '../../types/concurrency.js';
import type { ISessionManager } from '../../types/managers.js';
import { defineSessionOperation } from '../../types/operation.js';
import type { CallContext, Operation, SessionCall } from '../../types/operation.js';
import type { Access } from './access.js';
import type { ConcurrencyManager } from './concurrency-manager.js';

const clientIdSchema = z.string().min(1).max(128);

const clientSchema = z.object({
  client_id: z.string(),
  principal: z.string(),
  mode: accessModeSchema,
  acquired_at: z.string(),
  expires_at: z.string().describe('When it counts as gone, unless it calls before.'),
});

const clientNameSchema = z.object({ client_id: z.string(), principal: z.string() });

export interface ConcurrencyServices {
  readonly sessions: Pick<ISessionManager, 'getMetadata'>;
  readonly leases: ConcurrencyManager;
  readonly access: Access;
}

export const concurrencyOperations = (services: ConcurrencyServices): Operation[] => [
  attachOperation(services),
  detachOperation(services),
  listOperation(services),
];

function attachOperation({ sessions, access, leases }: ConcurrencyServices): Operation {
  return defineSessionOperation({
    name: 'attach',
    access: 'read',
    safe: false,
    summary: 'Says that this client is there, and with mode readwrite that it alone may write for now.',
    params: z.strictObject({
      mode: accessModeSchema,
      ttl_s: z
        .number()
        .min(1)
        .max(86_400)
        .optional()
        .describe('How long it counts as there after its last call; default concurrency.lease_ttl_s.'),
      wait_s: z
        .number()
        .min(0)
        .max(3600)
        .default(60)
        .describe('How long writes that were accepted before may take to end; then session_busy.'),
    }),
    result: clientSchema.extend({ session_id: z.string() }),
    handle: async ({ mode, ttl_s, wait_s }, call) => {
      await sessions.getMetadata(call.session_id, call.principal);
      const client = clientOf(call);
      const ttlMs = ttl_s === undefined ? undefined : ttl_s * 1000;
      await access.attach(client, { mode, ttlMs, waitMs: wait_s * 1000 }, call);
      const found = leases.getActiveClients(call.session_id).find((one) => isSame(one, client));
      if (!found) throw new SojournError('conflict', 'The client was detached meanwhile.', {});
      return { session_id: call.session_id, ...described(found) };
    },
  });
}

function detachOperation({ sessions, leases }: ConcurrencyServices): Operation {
  return defineSessionOperation({
    name: 'detach',
    access: 'read',
    safe: false,
    summary:
      'Says that this client goes; the owner and admins may name another one, which then loses its lease.',
    params: z.strictObject({
      client_id: clientIdSchema.optional().describe('Another client than the one that asks.'),
      principal: z.string().max(200).optional().describe('Whose client, where several have that name.'),
    }),
    result: z.object({ session_id: z.string(), detached: z.array(clientNameSchema) }),
    handle: async ({ client_id: clientId, principal }, call) => {
      const { session_id: id } = call;
      const { owner } = await sessions.getMetadata(id, call.principal);
      const clients = leases.getActiveClients(id);
      const wanted = clientId === undefined ? clientOf(call) : { clientId, principal };
      const named = clients.filter((one) =>
        isSame(one, { ...wanted, principal: wanted.principal ?? one.principal }),
      );
      const mayName = isOwner(owner, call);
      const detached = named.filter((one) => mayName || one.principal === call.principal.id);
      if (named.length > 0 && detached.length === 0) {
        const detail = 'Only the owner of the session and admins detach clients of others.';
        throw new SojournError('forbidden', detail, { session_id: id });
      }
      for (const one of detached) leases.releaseAccess(id, one);
      return { session_id: id, detached: detached.map(nameOf) };
    },
  });
}

function listOperation({ sessions, leases }: ConcurrencyServices): Operation {
  return defineSessionOperation({
    name: 'list_clients',
    access: 'read',
    summary: 'Clients that are attached, in the order in which they came, and which one alone may write.',
    params: z.strictObject({}),
    result: z.object({
      clients: z.array(clientSchema),
      write_lock: clientNameSchema
        .extend({ expires_at: z.string() })
        .nullable()
        .describe('The client that alone may write; null when each may.'),
    }),
    http: [{ method: 'GET', path: '/sessions/:id/clients' }],
    handle: async (_params, call) => {
      await sessions.getMetadata(call.session_id, call.principal);
      const clients = leases.getActiveClients(call.session_id).map(described);
      const writer = clients.find(({ mode }) => mode === 'readwrite');
      const write_lock = writer
        ? { client_id: writer.client_id, principal: writer.principal, expires_at: writer.expires_at }
        : null;
      return { clients, write_lock };
    },
  });
}

/** @throws invalid_params */
function clientOf({ principal, client_id: clientId }: CallContext): ClientName {
  if (clientId !== undefined) return { principal: principal.id, clientId };
  const detail =
    'This client has no name: give it one with the header Sojourn-Client, or in the library with clientId.';
  throw new SojournError('invalid_params', detail, { header: 'Sojourn-Client' });
}

const isSame = (one: ClientName, other: ClientName): boolean =>
  one.clientId === other.clientId && one.principal === other.principal;

const isOwner = (owner: string, { principal }: SessionCall): boolean =>
  principal.session_id === undefined && (principal.access === 'admin' || principal.id === owner);

const nameOf = ({ clientId, principal }: ClientName) => ({ client_id: clientId, principal });

const described = (client: ActiveClient) => ({
  ...nameOf(client),
  mode: client.mode,
  acquired_at: client.acquiredAt.toISOString(),
  expires_at: client.expiresAt.toISOString(),
});
