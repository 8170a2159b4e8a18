using Sluice.Allocations;

namespace Sluice.Bench.Guard;

/// <summary>One hot path, and something of the framework's that costs about as much on any machine. Both are made once and run many times.</summary>
/// <param name="Name">What the guard's table and its file call it.</param>
/// <param name="Product">The path.</param>
/// <param name="Reference">What its time is compared with.</param>
internal sealed record GuardedPath(string Name, AllocationCase Product, AllocationCase Reference) : IDisposable
{
    public void Dispose()
    {
        Product.Dispose();
        Reference.Dispose();
    }
}

/// <summary>Every hot path: what the guard watches and what BenchmarkDotNet measures.</summary>
internal static class HotPaths
{
    public static IReadOnlyList<(string Name, Func<GuardedPath> Make)> All { get; } =
    [
        Path("parse", static () => new ParseCase(), static () => new LineWalk()),
        Path("write", static () => new WriteCase(), static () => new PieceCopy()),
        Path("merge", static () => new MergeByStringCase(), static () => new DictionaryMerge()),
        Path("merge-batch", static () => new MergeBatchCase(), static () => new DictionaryMerge()),
        Path("seal", static () => new MergeAndFlushCase(), static () => new DictionaryMerge()),
        Path("flush-encode", static () => new FlushEncodeCase(), static () => new BatchCopy()),
        Path("lock", static () => new MutexCase(), static () => new SemaphoreTurn()),
        Path("dogpile-hit", static () => new DogpileHitCase(), static () => new DictionaryHit()),
    ];

    private static (string Name, Func<GuardedPath> Make) Path(string name, Func<AllocationCase> product, Func<AllocationCase> reference) =>
        (name, () => new GuardedPath(name, product(), reference()));
}
