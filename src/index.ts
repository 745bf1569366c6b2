/** Safka's public interface: a Kafka broker inside a Node program. */

export { SafkaError } from './base/errors.ts'
export { type Broker, type BrokerAddress, type BrokerParts, startBroker } from './broker/broker.ts'
export { type BrokerConfig, configWith, resolveConfig } from './broker/config.ts'
