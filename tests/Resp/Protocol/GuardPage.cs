using System.Runtime.InteropServices;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Memory whose last byte is the last one that may be touched: reading one further ends the process.</summary>
internal sealed unsafe partial class GuardPage : IDisposable
{
    private const int ReadWrite = 3;
    private const int None = 0;
    private const int PrivateAnonymous = 0x22;

    private readonly int _usable;
    private readonly byte* _start;

    public GuardPage(int pages)
    {
        int page = Environment.SystemPageSize;
        _usable = pages * page;
        _start = (byte*)Map(null, (nuint)(_usable + page), ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)_start == -1 || Protect(_start + _usable, (nuint)page, None) != 0)
            throw new InvalidOperationException($"No guarded memory: error {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>Null where this can be done.</summary>
    public static string? Unavailable => OperatingSystem.IsLinux() ? null : "Guard pages are mapped with Linux's mmap.";

    /// <summary>The bytes, directly in front of the page that can't be touched.</summary>
    public ReadOnlySpan<byte> AtTheEnd(ReadOnlySpan<byte> bytes)
    {
        Span<byte> place = new(_start + _usable - bytes.Length, bytes.Length);
        bytes.CopyTo(place);
        return place;
    }

    public void Dispose() => _ = Unmap(_start, (nuint)(_usable + Environment.SystemPageSize));

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint length);
}
