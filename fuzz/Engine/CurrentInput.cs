using System.IO.MemoryMappedFiles;

namespace Sluice.Fuzz.Engine;

/// <summary>
/// The input that is being run, in a file that outlives the process: a touched guard page, an exhausted stack or a loop without end leaves no other trace.
/// </summary>
internal sealed unsafe class CurrentInput : IDisposable
{
    private const int Header = sizeof(int);
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    public CurrentInput(string path, int maxLength)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, mapName: null, Header + maxLength);
        _view = _file.CreateViewAccessor();
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start;
        *(int*)_start = -1;
    }

    public void Begin(ReadOnlySpan<byte> input)
    {
        input.CopyTo(new Span<byte>(_start + Header, input.Length));
        *(int*)_start = input.Length;
    }

    public void End() => *(int*)_start = -1;

    /// <summary>Where the input of a target is while it runs.</summary>
    public static string In(string work, string target) => Path.Combine(work, target, "current");

    /// <summary>What was being run when the last process ended; null if it ended in peace.</summary>
    public static byte[]? Left(string path)
    {
        if (!File.Exists(path))
            return null;
        byte[] bytes = File.ReadAllBytes(path);
        int length = bytes.Length < Header ? -1 : BitConverter.ToInt32(bytes);
        return length < 0 ? null : bytes[Header..(Header + length)];
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
