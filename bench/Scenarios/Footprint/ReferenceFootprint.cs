using System.Globalization;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary>What references cost a server: its memory by its own account, and the scripts that it was asked to run.</summary>
/// <param name="First">Bytes of a key that one engine holds.</param>
/// <param name="Second">Bytes more when another one holds it too.</param>
/// <param name="Alone">Scripts for one key that is taken and given back when nothing else is under way, with its callback.</param>
/// <param name="Together">The same for each of <see cref="Keys"/> that are taken, and then given back, at once.</param>
/// <param name="Shared">The same when another engine holds the keys, so that no callback runs.</param>
internal sealed record ReferenceFootprint(double First, double Second, double Alone, double Together, double Shared)
{
    public const int Keys = 10_000;
    private const int Turns = 500;

    // Nothing that goes by time falls into a measurement.
    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    public static async Task<ReferenceFootprint> MeasureAsync(BenchServer server, CancellationToken cancellation)
    {
        await using SluiceEngine one = await StartAsync(server, cancellation), two = await StartAsync(server, cancellation);
        IReferenceSet first = one.References("bench", Nothing), second = two.References("bench", Nothing);
        string[] keys = [.. Enumerable.Range(0, Keys).Select(static i => PartitionLoad.Name(i % 8, i))];

        // The scripts are known to the server before it is asked, and the engines to its partitions.
        foreach (IReferenceSet set in new[] { first, second })
            await ReleaseAsync(await AcquireAsync(set, keys[..256], cancellation), cancellation);

        ServerUsage empty = await ServerUsage.NowAsync(server, cancellation);
        Reference[] held = await AcquireAsync(first, keys, cancellation);
        ServerUsage byOne = await ServerUsage.NowAsync(server, cancellation);
        Reference[] heldToo = await AcquireAsync(second, keys, cancellation);
        ServerUsage byTwo = await ServerUsage.NowAsync(server, cancellation);
        await ReleaseAsync(heldToo, cancellation);
        ServerUsage byOneAgain = await ServerUsage.NowAsync(server, cancellation);
        await ReleaseAsync(held, cancellation);
        ServerUsage end = await ServerUsage.NowAsync(server, cancellation);
        for (int turn = 0; turn < Turns; turn++)
            await ReleaseAsync(await AcquireAsync(first, [keys[turn]], cancellation), cancellation);
        ServerUsage alone = (await ServerUsage.NowAsync(server, cancellation)).Since(end);
        return new ReferenceFootprint(
            (double)byOne.Since(empty).Memory / Keys, (double)byTwo.Since(byOne).Memory / Keys, (double)alone.Requests / Turns,
            (double)(byOne.Since(empty).Requests + end.Since(byOneAgain).Requests) / Keys, (double)byOneAgain.Since(byOne).Requests / Keys);
    }

    private static ValueTask Nothing(LastRelease last, CancellationToken lost) => ValueTask.CompletedTask;

    private static Task<Reference[]> AcquireAsync(IReferenceSet set, string[] keys, CancellationToken cancellation) =>
        Task.WhenAll(keys.Select(key => set.AcquireAsync(key, cancellation).AsTask()));

    private static Task<DereferenceOutcome[]> ReleaseAsync(Reference[] references, CancellationToken cancellation) =>
        Task.WhenAll(references.Select(reference => reference.ReleaseAsync(cancellation: cancellation).AsTask()));

    private static Task<SluiceEngine> StartAsync(BenchServer server, CancellationToken cancellation) => SluiceEngine.StartAsync(
        new EngineOptions
        {
            Redis = { string.Create(CultureInfo.InvariantCulture, $"redis://{server.EndPoint}") },
            Prefix = "references",
            Partitions = 8,
            LeaseDuration = Long,
            ClaimLease = Long,
            SweepInterval = Long,
        },
        cancellation);
}
