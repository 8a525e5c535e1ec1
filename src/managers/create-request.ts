/**
 * What a client may say when it creates a session: the common fields, and beside them those that a kind has of its
 * own. A field of one kind is an option of it, and names the kind where that is not given.
 */
import { z } from 'zod';
import type { EngineDefinition, IEngines } from '../types/engine.js';
import { SojournError } from '../types/errors.js';
import { createSessionSchema } from '../types/session.js';
import type { CreateSession } from '../types/session.js';

/** The parameters of `create_session` with these engines. */
export function createParams(engines: IEngines): z.ZodObject {
  const own = [...engines.values()].flatMap((definition) => Object.entries(ownFields(definition)));
  return createSessionSchema.extend(Object.fromEntries(own));
}

function ownFields({ creation = [], options }: EngineDefinition): Record<string, z.ZodType> {
  if (!(options instanceof z.ZodObject)) return {};
  const shape = options.shape as Record<string, z.ZodType>;
  return Object.fromEntries(
    creation.flatMap((name) => {
      const field = shape[name];
      return field ? [[name, optional(field)]] : [];
    }),
  );
}

const optional = (field: z.ZodType): z.ZodType => (field instanceof z.ZodOptional ? field : field.optional());

/** @throws invalid_params when fields of another kind are given, or a name and its other name */
export function createRequest(
  params: Readonly<Record<string, unknown>>,
  engines: IEngines,
  hasFile: boolean,
): CreateSession {
  const definitions = [...engines.values()];
  const isOwn = ({ creation = [] }: EngineDefinition, name: string) => creation.includes(name);
  const given = Object.keys(params).filter((name) => params[name] !== undefined);
  const own = given.filter((name) => definitions.some((definition) => isOwn(definition, name)));
  const common = Object.fromEntries(
    given.filter((name) => !own.includes(name)).map((name) => [name, params[name]]),
  );
  const { session_name, timeout, ...request } = createSessionSchema.parse(common);
  const meant = definitions.find(
    (definition) =>
      own.some((name) => isOwn(definition, name)) || (hasFile && definition.intake !== undefined),
  );
  const kind = request.kind ?? meant?.name ?? 'python';
  const definition = engines.get(kind);
  const foreign = definition && own.find((name) => !isOwn(definition, name));
  if (foreign !== undefined)
    throw new SojournError('invalid_params', `${foreign}: sessions of kind '${kind}' have no such field.`);
  const options = Object.fromEntries(own.map((name) => [name, params[name]]));
  return {
    ...request,
    ...either('name', request.name, 'session_name', session_name),
    ...either('timeout_s', request.timeout_s, 'timeout', timeout),
    kind,
    ...(own.length > 0 || request.options ? { options: { ...request.options, ...options } } : {}),
  };
}

function either(name: string, value: unknown, other: string, otherValue: unknown): Record<string, unknown> {
  if (value !== undefined && otherValue !== undefined)
    throw new SojournError('invalid_params', `${other}: is another name for ${name}; give one of them.`);
  const given = value ?? otherValue;
  return given === undefined ? {} : { [name]: given };
}
