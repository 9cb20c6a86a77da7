# Two nodes of a cluster on Nomad (1.4 or above), with the services of Nomad itself.
#
#   nomad var put nomad/jobs/fanfare key=... secret=... redis=10.0.0.5:6379
#   nomad job run fanfare.nomad.hcl
#
# Run a load balancer that checks /readyz in front, such as Traefik with its Nomad provider.
job "fanfare" {
  type = "service"

  update {
    max_parallel     = 1
    canary           = 1 # a new node is ready before an old one ends
    auto_promote     = true
    auto_revert      = true
    min_healthy_time = "10s"
    healthy_deadline = "2m"
  }

  group "node" {
    count = 2

    # Serves until load balancers have noticed that the service is deregistered.
    shutdown_delay = "5s"

    network {
      port "http" { to = 6001 }
      port "metrics" { to = 9601 }
    }

    service {
      name     = "fanfare"
      provider = "nomad"
      port     = "http"

      check {
        type     = "http"
        path     = "/readyz"
        interval = "2s"
        timeout  = "2s"
      }
    }

    service {
      name     = "fanfare-metrics"
      provider = "nomad"
      port     = "metrics"
    }

    task "fanfare" {
      driver       = "docker"
      kill_signal  = "SIGTERM"
      kill_timeout = "40s" # more than shutdown.timeout; client.max_kill_timeout has to allow it

      config {
        image           = "registry.example.com/fanfare:1.4.0"
        ports           = ["http", "metrics"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]

        ulimit {
          nofile = "1048576:1048576"
        }
      }

      env {
        FANFARE_APP_ID               = "chat"
        FANFARE_APP_SECRET_FILE      = "/secrets/app-secret"
        FANFARE_CLUSTER_DRIVER       = "redis"
        FANFARE_CONTROL_SOCKET       = "" # reload by nomad alloc signal -s SIGHUP
        FANFARE_HTTP_TRUSTED_PROXIES = "10.0.0.0/8" # addresses of the load balancer
        FANFARE_LOG_FORMAT           = "json"
        FANFARE_SHUTDOWN_SUCCESSOR   = "true"
      }

      template {
        destination = "secrets/variables"
        env         = true
        data        = <<-EOT
          {{ with nomadVar "nomad/jobs/fanfare" }}
          FANFARE_APP_KEY={{ .key }}
          FANFARE_CLUSTER_REDIS_ADDRESSES={{ .redis }}
          {{ end }}
        EOT
      }

      # The signal makes the server read a changed secret. Clients stay connected.
      template {
        destination   = "secrets/app-secret"
        uid           = 65532
        gid           = 65532
        perms         = "0400"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = "{{ with nomadVar \"nomad/jobs/fanfare\" }}{{ .secret }}{{ end }}"
      }

      resources {
        cpu    = 1000
        memory = 1024 # fanfare limits itself to 90 % of it
      }
    }
  }
}
