// Two versions of a compose project at once: what is refused because only one could have it, and what a slot makes of the rest.
import { describe, expect, it } from 'vitest';
import { composeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { projectInSlot, publishedPorts, solePartsOf } from '../../../../shared/schema/drivers/two-at-once.ts';

const PORTS = [8080, 18080];
const PUBLIC = { ports: [{ target: 80, published: '18080' }] };
const SLOT = {
  ...{ project: 'fairlead_core_auth_green', owner: 'fairlead_core_auth' },
  ...{ publicPort: 8080, port: 18080 },
};

const projectOf = (web: object, more: object = {}) =>
  composeProject.parse({ services: { web: { image: 'x', ...web } }, ...more });
const partsOf = (web: object, more: object = {}, ports: readonly number[] | null = PORTS) =>
  solePartsOf(projectOf(web, more), ['shared'], ports).map(({ what }) => what);

describe('a project whose versions stand side by side', () => {
  it.each<[string, object, object?]>([
    ['the public port', { ports: [{ target: 80, published: '8080', host_ip: '127.0.0.1' }] }],
    ['its own port', PUBLIC],
    [
      'a port that the engine chooses',
      { ports: [...PUBLIC.ports, { target: 9 }, { published: '', target: 7 }] },
    ],
    ['a port that nobody knows yet', { ports: [{ target: 80, published: '\uE000' }] }],
    ['the network of the machine', { network_mode: 'host' }],
    ['a volume that both may write to', { ...PUBLIC, volumes: [{ type: 'volume', source: 'shared' }] }],
    ['a volume without a name', { ...PUBLIC, volumes: [{ type: 'volume' }] }],
    ['a directory of its data', { ...PUBLIC, volumes: [{ type: 'bind', source: '/data' }] }],
    ['a volume that nothing mounts', PUBLIC, { volumes: { other: null } }],
    [
      'networks of its own',
      PUBLIC,
      { networks: { default: { ipam: {} }, inner: null, n: { external: false } } },
    ],
    ['no name of a container', { ...PUBLIC, container_name: '' }],
  ])('may have %s', (_, web, more) => {
    expect(partsOf(web, more)).toEqual([]);
  });

  it.each<[string, RegExp, object, object?]>([
    ['a name of a container', /^services\.web\.container_name/, { ...PUBLIC, container_name: 'web' }],
    [
      'a volume that nobody declared',
      /^services\.web\.volumes has the volume "db"/,
      { ...PUBLIC, volumes: [{ type: 'volume', source: 'db' }] },
    ],
    ['another port', /publishes 9090\/tcp/, { ports: [...PUBLIC.ports, { published: 9090, target: 1 }] }],
    [
      'the public port over UDP',
      /publishes 8080\/udp/,
      { ports: [...PUBLIC.ports, { published: '8080', target: 1, protocol: 'udp' }] },
    ],
    ['no port', /^none of its services publishes/, {}],
    ['a port that the engine chooses alone', /^none of its services/, { ports: [{ target: 80 }] }],
    [
      'a network of others',
      /^networks\.n is shared/,
      PUBLIC,
      { networks: { n: { external: true, name: 'n' } } },
    ],
    [
      'a range of addresses',
      /^networks\.n\.ipam/,
      PUBLIC,
      { networks: { n: { ipam: { config: [{ subnet: '10.0.0.0/8' }] } } } },
    ],
  ])('may not have %s', (_, what, web, more) => {
    expect(partsOf(web, more)).toEqual([expect.stringMatching(what)]);
  });

  it('says what to do about each', () => {
    const all = projectOf(
      {
        container_name: 'web',
        volumes: [{ type: 'volume', source: 'db' }],
        ports: [{ published: 1, target: 1 }],
      },
      { networks: { n: { external: true, name: 'n' } } },
    );

    expect(solePartsOf(all, [], PORTS).map(({ remedy }) => remedy)).toEqual([
      'remove it',
      expect.stringContaining('service.blueGreen.volumes'),
      expect.stringContaining('publish the public port alone'),
      expect.stringContaining('use the public port'),
      expect.stringContaining('service.env'),
    ]);
  });

  it('is not held to ports that only an install knows', () => {
    expect(partsOf({ ports: [{ published: 9090, target: 1 }] }, {}, null)).toEqual([]);
  });
});

describe('a project in its slot', () => {
  it('publishes its own port to this machine alone, and leaves the others', () => {
    const ports = [
      { target: 80, published: '8080', host_ip: '0.0.0.0', mode: 'ingress' },
      { target: 81, published: '18080' },
      { target: 82 },
    ];

    const { services } = projectInSlot(projectOf({ ports }), SLOT);

    expect(services.web?.ports).toEqual([
      { target: 80, published: '18080', host_ip: '127.0.0.1', mode: 'ingress' },
      { target: 81, published: '18080', host_ip: '127.0.0.1' },
      { target: 82 },
    ]);
  });

  it('has the volumes of both versions, and networks of its own', () => {
    const volumes = {
      ...{ plain: { name: 'fairlead_core_auth_green_plain' }, bare: null },
      named: { name: 'fairlead_core_auth_one' },
    };
    const networks = {
      default: { name: 'fairlead_core_auth_green_default' },
      n: { name: 'fairlead_core_auth_n' },
    };

    const placed = projectInSlot(projectOf({}, { volumes, networks }), SLOT);

    expect(Object.values(placed.volumes).map((one) => one?.name)).toEqual([
      'fairlead_core_auth_plain',
      'fairlead_core_auth_bare',
      'fairlead_core_auth_one',
    ]);
    expect(Object.values(placed.networks).map((one) => one?.name)).toEqual([
      'fairlead_core_auth_green_default',
      'fairlead_core_auth_green_n',
    ]);
    expect(placed.services.web).toEqual(projectOf({}).services.web);
  });
});

it('publishes to every address over TCP where nothing else is said', () => {
  const project = projectOf({
    ports: [{ published: 1 }, { published: '2', host_ip: '::1', protocol: 'udp' }, { published: '3-4' }],
  });

  expect(publishedPorts(project)).toEqual([
    { host: '0.0.0.0', port: 1, protocol: 'tcp' },
    { host: '::1', port: 2, protocol: 'udp' },
  ]);
});
