// @kubernetes/client-node: everyday operations and an informer.
// node_client.mjs KUBECONFIG, with THESPIS_CLIENT_NODE naming the package's folder.
import { pathToFileURL } from 'node:url'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const home = process.env.THESPIS_CLIENT_NODE
const k8s = await import(pathToFileURL(require.resolve(home)))

let failed = 0
async function check (what, f) {
  try {
    await f()
    console.log(`  ok    ${what}`)
  } catch (e) {
    failed++
    console.log(`  FAIL  ${what}\n        ${String(e.stack || e).slice(0, 1500)}`)
  }
}
function same (actual, expected) {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
  }
}
async function becomes (f) {
  const end = Date.now() + 30000
  while (!(await f())) {
    if (Date.now() > end) throw new Error('not within 30 s')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

const config = new k8s.KubeConfig()
config.loadFromFile(process.argv[2])
const core = config.makeApiClient(k8s.CoreV1Api)
const namespace = 'default'
const labels = { from: 'node' }
const map = (name, data) => ({ metadata: { name, labels }, data })

await check('create, read, replace, delete', async () => {
  await core.createNamespacedConfigMap({ namespace, body: map('n-1', { a: '1' }) })
  const got = await core.readNamespacedConfigMap({ namespace, name: 'n-1' })
  same(got.data, { a: '1' })
  got.data = { a: '2' }
  await core.replaceNamespacedConfigMap({ namespace, name: 'n-1', body: got })
  const list = await core.listNamespacedConfigMap({ namespace, labelSelector: 'from=node' })
  same(list.items.map(o => o.data), [{ a: '2' }])
  await core.deleteNamespacedConfigMap({ namespace, name: 'n-1' })
})
await check('a missing object is a 404', async () => {
  try {
    await core.readNamespacedConfigMap({ namespace, name: 'none' })
  } catch (e) {
    same(e.code, 404)
    return
  }
  throw new Error('it is there')
})
await check('an informer follows', async () => {
  const known = new Map()
  const informer = k8s.makeInformer(config, '/api/v1/namespaces/default/configmaps',
    () => core.listNamespacedConfigMap({ namespace, labelSelector: 'from=node' }), 'from=node')
  informer.on('add', o => known.set(o.metadata.name, o.data.a))
  informer.on('update', o => known.set(o.metadata.name, o.data.a))
  informer.on('delete', o => known.delete(o.metadata.name))
  await informer.start()
  await core.createNamespacedConfigMap({ namespace, body: map('n-2', { a: '1' }) })
  await becomes(() => known.get('n-2') === '1')
  const got = await core.readNamespacedConfigMap({ namespace, name: 'n-2' })
  got.data.a = '2'
  await core.replaceNamespacedConfigMap({ namespace, name: 'n-2', body: got })
  await becomes(() => known.get('n-2') === '2')
  await core.deleteNamespacedConfigMap({ namespace, name: 'n-2' })
  await becomes(() => known.size === 0)
  await informer.stop()
})
await check('the generic object client', async () => {
  const objects = k8s.KubernetesObjectApi.makeApiClient(config)
  const spec = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'n-3', namespace }, stringData: { k: 'v' } }
  const made = await objects.create(spec)
  same(made.data.k, 'dg==')
  await objects.delete(spec)
})
process.exit(failed ? 1 : 0)
