// The API's types, by the names of its OpenAPI document.
import type { components } from './schema.gen';

export type Schemas = components['schemas'];

export type Operation = Schemas['Operation'];
export type OperationState = Operation['state'];
export type OperationKind = Operation['kind'];
export type Stage = Schemas['Stage'];
export type Failure = Schemas['Failure'];
export type Item = Schemas['Item'];
export type Session = Schemas['SessionBody'];
export type Scope = Session['scope'];
export type Status = Schemas['StatusBody'];
export type Service = Schemas['ServiceBody'];
export type Entry = Schemas['Entry'];
export type Catalog = Schemas['CatalogBody'];
export type Feature = Schemas['Judged'];
export type Features = Schemas['FeaturesBody'];
export type ExternalLink = Schemas['ExternalLink'];
export type AgentStatus = Schemas['AgentStatus'];
export type Document = Schemas['Document'];

/** list is for the API's lists, which the contract lets be null. */
export function list<T>(items: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(items) ? (items as readonly T[]) : []; // one of another API may be anything
}

const breadth: Record<Scope, number> = { metrics: 0, read: 1, operate: 2, admin: 3 };

/** may reports whether a session with this scope may do what takes the other. */
export function may(session: Session | undefined, need: Scope): boolean {
  return session !== undefined && (breadth[session.scope] ?? 0) >= breadth[need];
}
