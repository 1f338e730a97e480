<?php

// `driver.php SCENARIO`: exits with 0 when php-amqplib saw all that the scenario asks for, else with 1 and the reason.

declare(strict_types=1);

error_reporting(E_ALL & ~E_DEPRECATED);  // the library is older than this PHP

require_once 'PhpAmqpLib/autoload.php';
require_once __DIR__ . '/comparing.php';
require_once __DIR__ . '/session.php';
require_once __DIR__ . '/typed_tables.php';
require_once __DIR__ . '/header_list.php';
foreach (['connections', 'topology', 'contents', 'headers', 'publishing', 'consuming', 'lifetimes'] as $file) {
    require_once __DIR__ . "/scenarios/$file.php";
}

const SCENARIOS = [
    'connect-options' => 'connect_options', 'declare-bind' => 'declare_bind', 'publish-consume' => 'publish_consume',
    'header-types' => 'header_types', 'confirms' => 'confirms', 'mandatory' => 'mandatory', 'get' => 'get',
    'requeue' => 'requeue', 'prefetch' => 'prefetch', 'transactions' => 'transactions', 'exclusive' => 'exclusive',
    'cancel' => 'cancel', 'reply-to' => 'reply_to', 'large-message' => 'large_message', 'heartbeats' => 'heartbeats',
    'reconnect' => 'reconnect', 'blocked' => 'blocked', 'tls' => 'tls',
];

ini_set('memory_limit', '512M');  // two messages of 10 MB, in pieces and whole

$session = new Session();
$status = 0;
try {
    (SCENARIOS[$argv[1]] ?? throw new InvalidArgumentException("no scenario '$argv[1]'"))($session);
} catch (Throwable $error) {
    fwrite(STDERR, get_class($error) . ": {$error->getMessage()}\n{$error->getTraceAsString()}\n");
    $status = 1;
} finally {
    $session->cleanUp();
}
exit($status);
