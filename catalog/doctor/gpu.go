package doctor

import (
	"fmt"
	"slices"
)

// GPU is what the machine has to compute with, as far as drivers show.
type GPU struct {
	Unknown string // why nothing is known of drivers
	Backend string // GPU_BACKEND
	Best    string // the backend that init would record for this machine; empty is not known
	OS      string

	SMI     bool   // nvidia-smi is there
	Driver  string // what it says is the driver's version
	Problem string // why it says nothing, or not all
	NVIDIA  int    // how many GPUs it reports on
	KFD     bool   // /dev/kfd, through which AMD computes
	DRI     bool   // /dev/dri, through which graphics devices are reached
}

func (g GPU) judge(d Docker) []Finding {
	if g.Unknown != "" {
		return skipped("nobody could ask for drivers", g.Unknown)
	}
	switch g.Backend {
	case "nvidia":
		return g.judgeNVIDIA(d)
	case "amd":
		if !g.KFD || !g.DRI {
			return g.absent("/dev/kfd and /dev/dri are not both there: the AMD driver is not loaded", "install the amdgpu driver and load it: sudo modprobe amdgpu")
		}
		return fine("GPU_BACKEND is amd, and /dev/kfd and /dev/dri are there")
	case "intel":
		if !g.DRI {
			return g.absent("/dev/dri is not there: the Intel driver is not loaded", "install the driver of the device and load it: sudo modprobe i915")
		}
		return fine("GPU_BACKEND is intel, and /dev/dri is there")
	case "apple":
		if g.OS != "darwin" {
			return g.absent("this is no Mac but "+g.OS, "")
		}
		return fine("GPU_BACKEND is apple")
	}
	if name := map[string]string{"nvidia": "an NVIDIA", "amd": "an AMD", "intel": "an Intel", "apple": "an Apple"}[g.Best]; name != "" {
		return []Finding{{
			Severity: Warning, Title: "GPU_BACKEND is cpu, and this machine has " + name + " GPU: it is not used",
			Fix: "set GPU_BACKEND=" + g.Best + " in .env\nmake run",
		}}
	}
	return fine("GPU_BACKEND is cpu, and no GPU shows that could be used")
}

func (g GPU) judgeNVIDIA(d Docker) []Finding {
	switch {
	case !g.SMI:
		return g.absent("nvidia-smi is not there: the NVIDIA driver is not installed", "install the NVIDIA driver and reboot")
	case g.Driver == "":
		return g.absent("nvidia-smi does not answer: "+g.Problem, "nvidia-smi\nreboot, after an update of the driver or the kernel")
	case g.NVIDIA == 0:
		return g.absent("nvidia-smi finds no GPU", "nvidia-smi\nsudo dmesg | grep NVRM shows why the driver does not take it")
	case g.Problem != "":
		return []Finding{{
			Severity: Warning, Title: "nvidia-smi does not tell everything: " + g.Problem, Fix: "nvidia-smi\nsudo dmesg | grep NVRM shows what the driver complains of",
		}}
	case d.Known && d.Problem == "" && !slices.Contains(d.Setup.Runtimes, "nvidia"):
		return []Finding{{
			Severity: Warning, Title: "the Docker Engine does not know the nvidia runtime: containers may not get the GPU",
			Detail: fmt.Sprintf("It knows %v.", d.Setup.Runtimes),
			Fix:    "install nvidia-container-toolkit\nsudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
		}}
	}
	return fine("the NVIDIA driver answers (version " + g.Driver + ")")
}

// absent is the finding for a GPU that the settings name and the machine has not.
func (g GPU) absent(what, fix string) []Finding {
	if fix != "" {
		fix += "\nor "
	}
	return []Finding{{Severity: Error, Title: "GPU_BACKEND is " + g.Backend + ", and " + what, Fix: fix + "set GPU_BACKEND=cpu in .env"}}
}
