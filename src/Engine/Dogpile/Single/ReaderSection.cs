namespace Sluice.Dogpiling;

/// <summary>One reader in a reader-writer lock. Its end counts once, however often it is disposed.</summary>
internal sealed class ReaderSection(AsyncReaderWriterLock owner) : IDisposable
{
    private AsyncReaderWriterLock? _owner = owner;

    public void Dispose() => Interlocked.Exchange(ref _owner, null)?.LeaveRead();
}
