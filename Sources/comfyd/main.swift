import Host
print("comfyd")
