<?php

// `driver.php SCENARIO`: exits with 0 when the extension saw all that the scenario asks for, else with 1 and why.

declare(strict_types=1);

require_once __DIR__ . '/../php_amqplib/comparing.php';
require_once __DIR__ . '/../php_amqplib/header_list.php';
require_once __DIR__ . '/session.php';
foreach (['connections', 'topology', 'contents', 'publishing', 'consuming', 'lifetimes'] as $file) {
    require_once __DIR__ . "/scenarios/$file.php";
}

const SCENARIOS = [
    'connect-options' => 'connect_options', 'declare-bind' => 'declare_bind', 'publish-consume' => 'publish_consume',
    'header-types' => 'header_types', 'confirms' => 'confirms', 'mandatory' => 'mandatory', 'get' => 'get',
    'requeue' => 'requeue', 'prefetch' => 'prefetch', 'transactions' => 'transactions', 'exclusive' => 'exclusive',
    'reply-to' => 'reply_to', 'large-message' => 'large_message', 'heartbeats' => 'heartbeats',
    'reconnect' => 'reconnect', 'tls' => 'tls',
];

$session = new Session();
$status = 0;
try {
    (SCENARIOS[$argv[1]] ?? throw new InvalidArgumentException("no scenario '$argv[1]'"))($session);
} catch (Throwable $error) {
    fwrite(STDERR, get_class($error) . " {$error->getCode()}: {$error->getMessage()}\n{$error->getTraceAsString()}\n");
    $status = 1;
} finally {
    $session->cleanUp();
}
exit($status);
