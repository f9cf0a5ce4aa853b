import { LIMITS } from '../../registry/server-manifest/limits.ts';
import { fieldsAt, listAt, optional, textAt, violation } from './shape.ts';

/** As registered: which paths and methods can stand is `management-path.ts`'s to say. */
export interface DeclaredRoute {
  method: string;
  path: string;
  menu?: string;
  description?: string;
}

export type DeclaredPage = Omit<DeclaredRoute, 'method'>;

export interface ManagementRegistration {
  routes: DeclaredRoute[];
  pages: DeclaredPage[];
}

const PATH = textAt(1000);
const MENU = textAt(200);
const DESCRIPTION = textAt(2000);

const pageAt = fieldsAt(
  ['Path', 'Menu', 'Description'],
  (fields, at): DeclaredPage => ({
    path: PATH(fields.Path ?? '', at('Path')),
    ...optional('menu', fields.Menu, at('Menu'), MENU),
    ...optional('description', fields.Description, at('Description'), DESCRIPTION),
  }),
);

const methodAt = fieldsAt(['Method'], ({ Method }, at) => textAt(20)(Method ?? '', at('Method')));

/**
 * The answer to `management.register`. A field that is missing or null is blank.
 *
 * @throws {ContractViolation}
 */
export function readManagement(
  value: unknown,
  limit: number = LIMITS.managementRoutes,
): ManagementRegistration {
  return fieldsAt(['Routes', 'Resources'], (fields, at) => {
    const routes = listAt(limit, (route, where) => ({
      method: methodAt(route, where),
      ...pageAt(route, where),
    }))(fields.Routes, at('Routes'));
    const pages = listAt(limit, pageAt)(fields.Resources, at('Resources'));
    const count = routes.length + pages.length;
    if (count > limit)
      throw violation('management.register', `has ${count} routes and pages: at most ${limit}`);
    return { routes, pages };
  })(value, 'management.register');
}
