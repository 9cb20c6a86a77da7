# Runs a config.ru: FILE PORT.
require_relative "../support/rack"

$stdout.sync = true

def run(app)
  serve(Integer(ARGV[1]), app)
end

load File.expand_path(ARGV[0])
