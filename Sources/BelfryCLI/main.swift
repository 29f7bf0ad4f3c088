internal import BelfryWorker

// A worker starts itself anew under this name, before any option is looked at: see `Keeper`.
if CommandLine.arguments.dropFirst().first == "keeper" {
  Keeper.main()
}
print("not built yet")
