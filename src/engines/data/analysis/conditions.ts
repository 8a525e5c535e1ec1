/**
 * Conditions on rows, as they come from outside: `{column, operator, value}`, put together with and, or, not. A null
 * matches only !=, not in, not contains and is null.
 */
import { z } from 'zod';

/** How operators may be written, and what each of them is. */
export const operators = {
  '==': 'eq',
  '=': 'eq',
  '!=': 'ne',
  '<>': 'ne',
  '>': 'gt',
  '>=': 'ge',
  '<': 'lt',
  '<=': 'le',
  in: 'in',
  'not in': 'not_in',
  not_in: 'not_in',
  between: 'between',
  contains: 'contains',
  'not contains': 'not_contains',
  not_contains: 'not_contains',
  startswith: 'startswith',
  endswith: 'endswith',
  regex: 'regex',
  matches: 'regex',
  'is null': 'is_null',
  is_null: 'is_null',
  'is not null': 'not_null',
  is_not_null: 'not_null',
  not_null: 'not_null',
} as const;
export type OperatorName = keyof typeof operators;
export type Operator = (typeof operators)[OperatorName];

const operatorNames = Object.keys(operators) as [OperatorName, ...OperatorName[]];
export const operatorSchema = z
  .enum(operatorNames)
  .describe('How the column is compared; == when left out. regex is RE2 and looks anywhere in the text.');

const scalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type Scalar = z.output<typeof scalarSchema>;

/** In one list of values. */
const valuesMax = 10_000;
export const valueSchema = z
  .union([scalarSchema, z.array(scalarSchema).max(valuesMax)])
  .describe('A list for in and not in, two values for between, nothing for is null.');
export type ConditionValue = z.output<typeof valueSchema>;

export const comparisonSchema = z.strictObject({
  column: z.string().describe('A column, or the index by its name or as "index".'),
  operator: operatorSchema.optional(),
  value: valueSchema.optional(),
});
export type Comparison = z.output<typeof comparisonSchema>;

export type Condition =
  | Comparison
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition };

const nestedSchema: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    comparisonSchema,
    z.strictObject({ and: z.array(nestedSchema).min(1) }),
    z.strictObject({ or: z.array(nestedSchema).min(1) }),
    z.strictObject({ not: nestedSchema }),
  ]),
);

export const depthMax = 8;
export const conditionsMax = 200;

/** Looked through before it is parsed: the parser would go as deep as it is nested. */
export const conditionSchema = z
  .preprocess((given, context) => {
    const trouble = troubleWith(given);
    if (trouble !== null) context.addIssue({ code: 'custom', message: trouble });
    return given;
  }, nestedSchema)
  .describe('{column, operator, value}, or {and: […]}, {or: […]}, {not: …} of such.');

function troubleWith(given: unknown): string | null {
  const waiting: { node: unknown; depth: number }[] = [{ node: given, depth: 1 }];
  let count = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { node, depth } = next;
    count += 1;
    if (depth > depthMax) return `conditions may be nested ${depthMax} deep`;
    if (count + waiting.length > conditionsMax) return `at most ${conditionsMax} conditions in all`;
    if (typeof node !== 'object' || node === null || Array.isArray(node))
      return 'a condition is an object: {column, operator, value}, {and: […]}, {or: […]} or {not: …}';
    const operator: unknown = Reflect.get(node, 'operator');
    if (typeof operator === 'string' && !Object.hasOwn(operators, operator))
      return `no operator '${operator.slice(0, 40)}'; operators are ${operatorNames.join(', ')}`;
    for (const part of partsOf(node)) waiting.push({ node: part, depth: depth + 1 });
  }
  return null;
}

function partsOf(node: object): readonly unknown[] {
  const lists: unknown[] = [Reflect.get(node, 'and'), Reflect.get(node, 'or')];
  const parts = lists.flatMap((list): unknown[] =>
    Array.isArray(list) ? list.slice(0, conditionsMax + 1) : [],
  );
  return 'not' in node ? [...parts, node.not] : parts;
}

/** The names of all columns that a condition speaks of. */
export function conditionColumns(condition: Condition): string[] {
  if ('and' in condition) return condition.and.flatMap(conditionColumns);
  if ('or' in condition) return condition.or.flatMap(conditionColumns);
  if ('not' in condition) return conditionColumns(condition.not);
  return [condition.column];
}
