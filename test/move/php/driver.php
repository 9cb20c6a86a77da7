<?php

// Runs methods of Sdk: commands come as lines of JSON, and so go the answers.
require __DIR__.'/sdk.php';

while (($line = fgets(STDIN)) !== false) {
    $command = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    $answer = ['answer' => $command['id']];
    try {
        if ($command['do'] === 'make') {
            $sdk = new Sdk(...$command['with']);
            $answer['value'] = PHP_VERSION;
        } else {
            $answer['value'] = $sdk->{$command['do']}(...$command['with']);
        }
    } catch (Throwable $e) {
        $answer['error'] = $e->getMessage();
    }
    echo json_encode($answer, JSON_THROW_ON_ERROR), "\n";
}
