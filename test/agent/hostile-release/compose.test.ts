// A hostile release of containers: nothing of it reaches out of its containers, and no file of the machine is read for it.
import { describe, expect, it } from 'vitest';
import { describeBooted } from '../../support/booted.ts';
import { lackOf, run } from '../../support/compose-engine.ts';
import { useEngine } from '../../support/compose-on-engine.ts';
import { rejectionOf } from '../../support/error-code.ts';

const NAME = 'a hostile release of the driver compose';

const lack = lackOf('classic');
if (lack === null) describeBooted(NAME, import.meta.filename, onEngine);
else {
  describe(NAME, () => {
    it('reaches nothing', ({ skip }) => skip(lack));
  });
}

function onEngine(): void {
  const { setUp, removeImage } = useEngine('classic');

  it.each<[string, object, object?]>([
    ['is privileged', { privileged: true }],
    ['mounts the machine', { volumes: ['/:/host'] }],
    ['mounts the engine', { volumes: ['/var/run/docker.sock:/run/docker.sock'] }],
    ['climbs out of its tree', { volumes: ['../../:/up'] }],
    ['has the machine’s network', { network_mode: 'host' }],
    ['has the machine’s processes', { pid: 'host' }],
    ['has the machine’s memory', { ipc: 'host' }],
    ['has the network of another container', { network_mode: 'container:other' }],
    ['joins the network of another project', { network_mode: 'billing_default' }],
    ['has more rights', { cap_add: ['SYS_ADMIN'] }],
    ['has a disk of the machine', { devices: ['/dev/null:/dev/sda'] }],
    ['has devices by rule', { device_cgroup_rules: ['c 1:3 rwm'] }],
    ['has no profile around it', { security_opt: ['seccomp:unconfined'] }],
    ['shares volumes of another container', { volumes_from: ['container:other'] }],
    ['builds', { build: '.' }],
    ['reads a file into its environment', { env_file: ['/etc/shadow'] }],
    ['extends a file of the machine', { extends: { file: '/etc/shadow', service: 'x' } }],
    ['takes a file as a secret', { secrets: ['s'] }, { secrets: { s: { file: '/etc/shadow' } } }],
    ['takes a file as a configuration', { configs: ['s'] }, { configs: { s: { file: '/etc/shadow' } } }],
    [
      'mounts by a volume',
      { volumes: ['vol:/v'] },
      { volumes: { vol: { driver_opts: { type: 'none', o: 'bind', device: '/etc' } } } },
    ],
    ['takes another’s volume', { volumes: ['vol:/v'] }, { volumes: { vol: { name: 'other_data' } } }],
    ['takes an external volume', { volumes: ['vol:/v'] }, { volumes: { vol: { external: true } } }],
    [
      'takes an external network',
      { network_mode: undefined, networks: ['n'] },
      { networks: { n: { external: true } } },
    ],
    ['includes a file of the machine', {}, { include: ['/etc/shadow'] }],
  ])('refuses a project that %s, before anything of it is loaded', async (_, web, more) => {
    const { driver, unitOf } = setUp();
    removeImage();

    const refusal = await rejectionOf(driver.prepare(unitOf({ web: { command: ['sh'], ...web } }, more)));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).not.toMatch(/root:|\$[0-9a-z]+\$/);
    expect(run('docker', 'image', 'ls', '--all', '--quiet')).toBe('');
  });
}
