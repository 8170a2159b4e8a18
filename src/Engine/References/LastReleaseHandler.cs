using System.Diagnostics;
using Sluice.Completing;
using Sluice.Diagnostics;

namespace Sluice.Referencing;

/// <summary>Runs a callback of the application's for the end of a generation: the registered one, or the one that a release brought along.</summary>
internal sealed class LastReleaseHandler(string set, Func<LastRelease, CancellationToken, ValueTask> callback) : ICompletionHandler
{
    public async ValueTask RunAsync(IReadOnlyList<ClaimedWork> work)
    {
        foreach (ClaimedWork item in work)
        {
            using Activity? activity = EngineMetrics.Activities.StartActivity("sluice.last_release", ActivityKind.Internal);
            activity?.SetTag("sluice.aggregate", ReferenceDefinition.NamePrefix + set);
            try
            {
                await callback(new LastRelease(set, item.Session.Resource.ToString(), item.Session), item.Lost).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Whatever the application's code throws gives the claim back; the error travels with it.
                item.Fail(e);
            }
        }
    }
}
